"""What a reasoner learned, told in figures, a table and curves."""

import numpy as np
import pandas as pd
import pytest

from modeling_rali.evaluation.learning import agreement, curves, draw_curves, learning_table, ridge_on_grades
from modeling_rali.metrics import srcc
from modeling_rali.reasoning.attributes import Attributes
from modeling_rali.reasoning.measured_teacher import Grading

RNG = np.random.default_rng(0)


def pictures(count: int) -> list[Attributes]:
    return [Attributes(*RNG.normal(size=7), *RNG.random(3)) for _ in range(count)]


def ratings(noise: float, count: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = np.linspace(1, 5, count)
    return pd.DataFrame(
        {
            "image_id": [f"{n}.jpg" for n in range(count)],
            "label": labels,
            "rating": labels + rng.normal(0, noise, count),
        }
    )


def test_ridge_finds_what_the_grades_tell() -> None:
    train, validation = pictures(400), pictures(100)
    grading = Grading.fit(train)

    def labels(measured: list[Attributes]) -> np.ndarray:
        return np.array([grading.grades(one)["sharpness"] - 0.5 * grading.grades(one)["noise"] for one in measured])

    told = ridge_on_grades(grading, train, labels(train), validation)
    np.testing.assert_allclose(told, labels(validation), atol=0.01)


def test_agreement_and_gain_are_of_the_same_images_in_any_order() -> None:
    good, bad = ratings(0.5), ratings(3.0).sample(frac=1, random_state=1)
    figures = agreement(good, bad)
    assert figures["srcc"] == srcc(good["rating"], good["label"])
    assert figures["srcc_ci95"][0] < figures["srcc"] < figures["srcc_ci95"][1]
    assert figures["gain"] == pytest.approx(figures["srcc"] - srcc(bad["rating"], bad["label"]))
    assert figures["gain_ci95"][0] > 0
    with pytest.raises(ValueError, match="not of the same images"):
        agreement(good, bad.head(10))


def test_what_cannot_be_read_counts_as_the_middle() -> None:
    rated = ratings(0.0)
    assert agreement(rated)["srcc"] == pytest.approx(1)
    rated.loc[:29, "rating"] = np.nan
    figures = agreement(rated)
    assert figures["rated"] == 0.5
    assert figures["srcc"] == srcc(rated["rating"].fillna(3.0), rated["label"])
    nothing = rated.assign(rating=np.nan)
    distance = float(np.abs(rated["label"] - 3.0).mean())
    assert agreement(nothing) == {"n": 60, "rated": 0.0, "mae": pytest.approx(distance), "srcc": 0.0, "plcc": 0.0}
    assert agreement(rated, nothing) == figures  # there is nothing to gain over


def test_table_has_a_row_a_model() -> None:
    warm, end = ratings(3.0), ratings(0.5)
    lines = learning_table({"warm start": agreement(warm), "srcc": agreement(end, warm)}).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| warm start | 100% | 0.")
    told = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert told[2][4] == ""
    assert " to " in told[3][4]
    assert told[3][6] == f"{np.abs(end['rating'] - end['label']).mean():.2f}"


def test_curves_are_what_was_logged_of_them() -> None:
    log = [{"step": step, "ratings/spread": value, "loss": 1.0} for step, value in ((1, 1.0), (2, 3.00004))]
    told = curves([*log, {"step": 2, "ratings/biq2021/srcc": 0.5}, {"step": 2, "ratings/agiqa3k/srcc": 0.9}], "biq2021")
    assert told == {
        "SRCC in the batch": [(2, 0.5)],
        "share of readable answers": [],
        "spread of an image's ratings": [(1, 1.0), (2, 3.0)],
        "tokens of an answer": [],
    }


def test_curves_show_every_run_smoothed() -> None:
    told = {"spread": [(1, 1.0), (2, 3.0)], "score": [(1, 0.5)], "never logged": []}
    spread, score = draw_curves({"srcc": told | {"score": []}, "score": told}).axes
    assert [line.get_label() for line in spread.lines] == ["srcc", "score"]
    np.testing.assert_array_equal(spread.lines[0].get_xydata(), [[1, 1.0], [2, 2.0]])
    np.testing.assert_array_equal(score.lines[0].get_xydata(), np.empty((0, 2)))

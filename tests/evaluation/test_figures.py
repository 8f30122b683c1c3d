from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modeling_rali import metrics
from modeling_rali.evaluation.figures import comparison, figures

RNG = np.random.default_rng(0)
QUALITY = RNG.uniform(size=80)
GOOD = 2 + QUALITY + RNG.normal(0, 0.2, 80)


def table(score: Any, quality: Any = QUALITY, worst: float = 0, best: float = 1, **columns: list[str]) -> pa.Table:
    """Predictions on a set whose scores run from `worst` to `best`; NaN stands for a picture that failed."""
    failed = np.isnan(np.asarray(score, dtype=float))
    return pa.table(
        {
            "image_id": [f"{index}.png" for index in range(len(failed))],
            "mos": worst + np.asarray(quality) * (best - worst),
            "quality": quality,
            **columns,
            "score": pa.array(score, pa.float64(), mask=failed),
            "error": pa.array(["the file is empty." if one else None for one in failed], pa.string()),
        }
    )


def test_every_figure_is_that_of_the_metric_functions() -> None:
    found = figures(table(GOOD, best=5), seed=3)
    assert (found["n"], found["n_failed"], found["notes"]) == (80, 0, [])
    for name in ("srcc", "plcc", "krcc", "plcc_logistic"):
        assert found[name] == pytest.approx(getattr(metrics, name)(GOOD, QUALITY), abs=1e-6)
    assert found["rmse_logistic"] == pytest.approx(metrics.rmse_logistic(GOOD, 5 * QUALITY), abs=1e-5)
    assert found["srcc_ci95"] == pytest.approx(
        metrics.bootstrap_interval(metrics.srcc, GOOD, QUALITY, seed=3), abs=1e-6
    )
    assert found["within_group"] is None


def test_a_perfect_and_a_reversed_prediction() -> None:
    perfect, reversed_ = figures(table(QUALITY)), figures(table(-QUALITY))
    for name in ("srcc", "plcc", "krcc"):
        assert perfect[name] == pytest.approx(1, abs=1e-6) and reversed_[name] == pytest.approx(-1, abs=1e-6)
    assert perfect["srcc_ci95"] == [1, 1] and reversed_["srcc_ci95"] == [-1, -1]
    assert perfect["rmse_logistic"] < 0.01


def test_on_dmos_a_good_model_is_positive_and_the_rmse_is_on_the_scale_of_the_set() -> None:
    on_mos, on_dmos = figures(table(GOOD)), figures(table(GOOD, worst=10, best=0))
    for name in ("srcc", "plcc", "krcc", "plcc_logistic"):
        assert on_dmos[name] == pytest.approx(on_mos[name], abs=1e-4) and on_dmos[name] > 0.5
    assert on_dmos["rmse_logistic"] == pytest.approx(10 * on_mos["rmse_logistic"], rel=1e-3)


def test_constant_predictions_have_no_correlation_and_a_note_says_so() -> None:
    found = figures(table(np.full(80, 3.0)))
    undefined = ("srcc", "srcc_ci95", "plcc", "plcc_logistic", "krcc", "rmse_logistic")
    assert [found[name] for name in undefined] == [None] * 6
    (note,) = (note for note in found["notes"] if note.startswith("plcc_logistic"))
    assert "predictions are constant: all 80 are 3.0" in note
    assert all(any(name in note.partition(":")[0].split(", ") for note in found["notes"]) for name in undefined)


def test_a_logistic_that_cannot_be_fitted_leaves_the_plain_correlations() -> None:
    found = figures(table(np.arange(80) % 3))
    assert found["srcc"] is not None and found["plcc"] is not None
    assert found["plcc_logistic"] is None and found["rmse_logistic"] is None
    assert found["notes"] == [
        "plcc_logistic, rmse_logistic: undefined, a logistic of 4 parameters needs more than 4 distinct predictions; got 3"
    ]


def test_pictures_that_failed_are_counted_and_left_out() -> None:
    score = GOOD.copy()
    score[[0, 5, 6, 7]] = np.nan
    kept = ~np.isnan(score)
    found = figures(table(score))
    assert (found["n"], found["n_failed"]) == (76, 4)
    assert found["srcc"] == pytest.approx(metrics.srcc(GOOD[kept], QUALITY[kept]), abs=1e-6)
    assert found["notes"] == [
        "without 4 that failed, such as 0.png: the file is empty; 5.png: the file is empty; 6.png: the file is empty"
    ]


def test_with_no_picture_scored_every_statistic_is_null() -> None:
    found = figures(table(np.full(80, np.nan)))
    assert (found["n"], found["n_failed"], found["srcc"], found["plcc_logistic"]) == (0, 80, None, None)
    assert any("at least 2 images are needed; got 0" in note for note in found["notes"])


def test_groups_are_of_the_first_group_column_and_small_ones_are_left_out() -> None:
    generators = ["good"] * 40 + ["bad"] * 37 + ["rare"] * 3
    found = figures(table(GOOD, generator=generators, reference=["one"] * 80))["within_group"]
    expected = metrics.within_group(GOOD, QUALITY, generators)
    assert found["by"] == "generator" and found["mean"] == pytest.approx(expected.mean, abs=1e-6)
    assert {name: group["n"] for name, group in found["groups"].items()} == {"good": 40, "bad": 37}
    assert found["groups"]["bad"]["srcc"] == pytest.approx(expected.groups["bad"].srcc, abs=1e-6)
    assert found["left_out"] == {"rare": "fewer than 5 images"}


def test_groups_that_are_all_too_small_are_null_with_a_note() -> None:
    found = figures(table(GOOD, distortion=[f"{index // 4}" for index in range(80)]))
    assert found["within_group"] is None
    assert [note.partition(":")[0] for note in found["notes"]] == ["within_group"]


def test_a_comparison_is_the_paired_bootstrap_on_what_both_scored() -> None:
    noise = RNG.normal(size=80)
    first, second = GOOD.copy(), noise.copy()
    first[3] = second[4] = np.nan
    both = np.delete(np.arange(80), [3, 4])
    found = comparison(table(first), table(second), seed=7)
    expected = metrics.paired_bootstrap(GOOD[both], noise[both], QUALITY[both], seed=7)
    assert found["n"] == 78 and found["notes"] == []
    assert found["difference"] == pytest.approx(expected.difference, abs=1e-6)
    assert found["ci95"] == pytest.approx(expected.interval, abs=1e-6)
    assert found["p_value"] == pytest.approx(expected.p_value, abs=1e-6)


def test_a_comparison_with_a_constant_model_is_null_with_a_note() -> None:
    found = comparison(table(GOOD), table(np.ones(80)))
    assert (found["difference"], found["ci95"], found["p_value"]) == (None, None, None)
    assert "constant" in found["notes"][0]

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from modeling_rali.evaluation.tables import BEGIN, END, results_tables, with_results


def result(model: str = "ours", dataset: str = "agiqa3k", **changed: Any) -> dict[str, Any]:
    whole = {
        "dataset": dataset,
        "title": {"agiqa3k": "AGIQA-3K", "biq2021": "BIQ2021"}.get(dataset, dataset),
        "split": "all",
        "model": model,
        "trained_on": "koniq10k",
        "n_published": 2982,
        "n": 2982,
        "n_failed": 0,
        "srcc": 0.8,
        "srcc_ci95": [0.7, 0.9],
        "plcc": 0.85,
        "plcc_logistic": 0.86,
        "krcc": 0.6,
        "rmse_logistic": 0.5,
        "within_group": {"by": "generator", "mean": 0.55, "groups": {}, "left_out": {}},
        "notes": [],
    }
    return whole | changed


def tables(*results: dict[str, Any]) -> str:
    return results_tables([{"results": [one]} for one in results])


def rows_of(text: str, model: str) -> list[dict[str, str]]:
    """The rows of a model by the columns' names, of each table that has it."""
    found, header = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else None
        if cells is None:
            header = None
        elif header is None:
            header = cells
        elif cells[header.index("Model")] == model:
            found.append(dict(zip(header, cells, strict=True)))
    return found


def test_our_figures_are_in_full_and_beside_the_published_ones() -> None:
    ours, beside = rows_of(tables(result()), "ours")
    assert ours == {
        "Set": "AGIQA-3K",
        "Pictures": "2,982",
        "Model": "ours",
        "Trained on": "KonIQ-10k",
        "SRCC (95 % interval)": "0.800 (0.700 to 0.900)",
        "PLCC": "0.850",
        "PLCC mapped": "0.860",
        "KRCC": "0.600",
        "RMSE mapped": "0.500",
        "SRCC within groups": "0.550 by generator",
    }
    assert beside["Figures"] == "measured here" and beside["SPAQ"] == "–"
    (published,) = rows_of(tables(result()), "Q-Insight")
    assert published["Figures"] == "published" and published["Trained on"] == "KonIQ-10k"


def test_the_best_published_figure_is_bold_and_a_better_comparable_one_of_ours_takes_its_place() -> None:
    (q_insight,) = rows_of(tables(result(srcc=0.1, plcc=0.1)), "Q-Insight")
    assert q_insight["AGIQA-3K"] == "**0.811** / **0.764**"
    better = tables(result(srcc=0.9, plcc=0.2))
    assert rows_of(better, "ours")[1]["AGIQA-3K"] == "0.200 / **0.900**"
    assert rows_of(better, "Q-Insight")[0]["AGIQA-3K"] == "**0.811** / 0.764"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n": 600}, " (600 of 2,982 pictures)"),
        ({"n": 2980, "n_failed": 2}, " (2,982 pictures, 2 failed)"),
        ({"trained_on": "biq2021"}, " (2,982 pictures)"),
        ({"trained_on": None}, " (2,982 pictures)"),
        ({"split": "test", "n": 590}, " (test, 590 of 2,982 pictures)"),
    ],
    ids=["excerpt", "failures", "other training", "unknown training", "a part"],
)
def test_what_is_not_comparable_says_what_it_is_on_and_contends_with_no_published_figure(
    changed: dict[str, Any], said: str
) -> None:
    text = tables(result(srcc=0.99, plcc=0.99, **changed))
    assert rows_of(text, "ours")[-1]["AGIQA-3K"] == f"0.990 / 0.990{said}"
    assert rows_of(text, "Q-Insight")[0]["AGIQA-3K"] == "**0.811** / **0.764**"


def test_a_set_that_the_published_figures_are_on_a_part_of_is_not_comparable() -> None:
    text = tables(result(dataset="spaq", srcc=0.99, plcc=0.99, n=11_125, n_published=11_125))
    assert "**" not in rows_of(text, "ours")[-1]["SPAQ"]


def test_among_ours_the_best_on_the_same_pictures_is_bold() -> None:
    text = tables(
        result("a", srcc=0.5, rmse_logistic=0.4),
        result("b", srcc=0.7, rmse_logistic=0.6),
        result("c", srcc=0.9, n=600),
    )
    figures = {model: rows_of(text, model)[0] for model in "abc"}
    assert figures["b"]["SRCC (95 % interval)"].startswith("**0.700**")
    assert figures["a"]["RMSE mapped"] == "**0.400**" and figures["b"]["RMSE mapped"] == "0.600"
    assert all("**" not in cell for cell in figures["c"].values())


def test_a_model_that_failed_on_some_pictures_is_not_the_best_and_lets_no_lesser_one_be() -> None:
    text = tables(result("a", srcc=0.5, plcc=0.9), result("b", srcc=0.4), result("c", srcc=0.7, n=2981, n_failed=1))
    srcc = [rows_of(text, model)[0]["SRCC (95 % interval)"] for model in "abc"]
    assert not any("**" in cell for cell in srcc)
    assert rows_of(text, "a")[0]["PLCC"] == "**0.900**"


def test_a_statistic_without_a_value_is_a_dash() -> None:
    undefined: dict[str, Any] = dict.fromkeys(
        ("srcc", "srcc_ci95", "plcc", "plcc_logistic", "krcc", "rmse_logistic", "within_group"), None
    )
    ours, beside = rows_of(tables(result(**undefined)), "ours")
    assert list(ours.values())[4:] == ["–"] * 6
    assert beside["AGIQA-3K"].startswith("– / –")


def test_notes_name_the_models_they_hold_for_unless_all() -> None:
    text = tables(result("a", notes=["an excerpt", "srcc: undefined"]), result("b", notes=["an excerpt"]))
    assert "- AGIQA-3K: an excerpt.\n- AGIQA-3K, a: srcc: undefined." in text


def test_sets_without_published_figures_stand_alone() -> None:
    text = tables(result(dataset="biq2021", split="test"))
    assert "BIQ2021, test" in text and "published" not in text


def test_the_same_model_twice_on_a_split_is_refused() -> None:
    with pytest.raises(ValueError, match="two results of ours on agiqa3k all"):
        tables(result(), result())


def test_only_what_is_between_the_markers_changes() -> None:
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    made = with_results(text, "new")
    assert (
        made.startswith(f"# Title\n\n{BEGIN}\n") and made.endswith(f"\n\nnew\n\n{END}\n\nmore\n") and "old" not in made
    )
    assert with_results(made, "new") == made


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{BEGIN}\n{END}"])
def test_a_file_without_its_pair_of_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must each be there once"):
        with_results(text, "new")


def test_the_published_figures_and_their_means_are_those_of_the_reference(shared_dir: Path) -> None:
    text = (shared_dir / "reference" / "method.md").read_text(encoding="utf-8")
    lines = iter(text.partition("## Published figures")[2].splitlines())
    header = next(line for line in lines if line.startswith("| model"))
    columns = [cell.strip() for cell in header.strip("|").split("|")][1:]
    reference = [[cell.strip() for cell in line.strip("|").split("|")] for line in islice(lines, 1, 6)]
    ours = tables(result())
    assert [row[0] for row in reference] == re.findall(r"^\| (\S+) \| published", ours, re.MULTILINE)
    for model, *figures in reference:
        (row,) = rows_of(ours, model)
        cells = [cell.replace("*", "").replace("0.", ".").replace(" ", "") for cell in row.values()][3:]
        assert dict(zip(columns, cells, strict=True)) == dict(zip(columns, figures, strict=True))

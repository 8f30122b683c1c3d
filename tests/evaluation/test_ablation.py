"""The table of the ablation."""

from modeling_rali.evaluation.ablation import ROWS, ablation_table, joined


def test_table_has_mean_and_sample_deviation_of_each_row_on_each_set() -> None:
    figures = {
        "whole method": {
            "validation": [{"srcc": 0.8, "plcc": 0.9}, {"srcc": 0.82, "plcc": 0.9}],
            "agiqa3k test": [{"srcc": 0.6, "plcc": -0.1}, {"srcc": 0.7, "plcc": 0.1}],
        }
    }
    assert ablation_table(figures).splitlines() == [
        "| | validation SRCC | validation PLCC | agiqa3k test SRCC | agiqa3k test PLCC |",
        "|---|---:|---:|---:|---:|",
        "| whole method | .810 ± .014 | .900 ± .000 | .650 ± .071 | .000 ± .141 |",
    ]


def test_seeds_are_joined_in_their_order() -> None:
    per_seed = [{"no PCA": {"validation": {"srcc": value}}} for value in (0.1, 0.2)]
    assert joined(per_seed) == {"no PCA": {"validation": [{"srcc": 0.1}, {"srcc": 0.2}]}}


def test_one_seed_has_no_deviation() -> None:
    figures = {"whole method": {"validation": [{"srcc": 0.8, "plcc": 0.9}]}}
    assert ablation_table(figures).splitlines()[2] == "| whole method | .800 | .900 |"


def test_each_row_but_the_whole_differs_from_it_in_one_thing() -> None:
    whole = ROWS["whole method"]
    assert not whole.align and not whole.head
    for name, row in ROWS.items():
        differences = (row.align is None) + len(row.align or {}) + len(row.head)
        assert differences == (name != "whole method"), name

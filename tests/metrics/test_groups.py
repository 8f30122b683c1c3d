"""The correlation within groups."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from modeling_rali.metrics import UndefinedStatisticError, fit_logistic, srcc, weighted_mean, within_group


def test_every_group_gets_its_own_srcc_and_the_mean_weighs_by_size() -> None:
    generator = np.random.default_rng(0)
    mos = generator.normal(size=90)
    predictions = mos + generator.normal(size=90)
    groups = np.repeat(["sdxl", "glide", "dalle"], [50, 30, 10])
    shuffled = generator.permutation(90)
    result = within_group(predictions[shuffled], mos[shuffled], groups[shuffled].tolist())
    for name, count in (("sdxl", 50), ("glide", 30), ("dalle", 10)):
        assert result.groups[name].count == count
        assert result.groups[name].srcc == pytest.approx(srcc(predictions[groups == name], mos[groups == name]))
    by_hand = sum(group.count * group.srcc for group in result.groups.values()) / 90
    assert result.mean == pytest.approx(by_hand)
    assert not result.left_out


def test_telling_groups_apart_is_no_merit_within_them() -> None:
    level = np.repeat([0.0, 100.0, 200.0], 20)
    within = np.tile(np.arange(20.0), 3)
    result = within_group(level - within, level + within, [f"level {value:g}" for value in level])
    assert srcc(level - within, level + within) > 0.5
    assert result.mean == pytest.approx(-1)


def test_groups_without_an_srcc_are_listed_with_the_reason() -> None:
    groups = ["good"] * 6 + ["small"] * 4 + ["same labels"] * 5 + ["same scores"] * 5
    predictions, mos = np.arange(20.0), np.arange(20.0)
    mos[10:15] = 3.0
    predictions[15:] = 3.0
    result = within_group(predictions, mos, groups)
    assert set(result.groups) == {"good"}
    assert result.mean == pytest.approx(1)
    assert {name: (left.count, left.reason) for name, left in result.left_out.items()} == {
        "small": (4, "fewer than 5 images"),
        "same labels": (5, "mos are constant: all 5 are 3.0"),
        "same scores": (5, "predictions are constant: all 5 are 3.0"),
    }
    assert "small" in within_group(predictions, mos, groups, min_count=4).groups


def test_no_group_left_is_an_error_that_says_why() -> None:
    with pytest.raises(UndefinedStatisticError, match=r"none of the 3 groups.*'a' of 2: fewer than 5 images"):
        within_group(np.arange(6.0), np.arange(6.0), ["a", "a", "b", "b", "c", "c"])


def test_every_image_needs_the_name_of_its_group() -> None:
    with pytest.raises(ValueError, match="got 2 names for 3 images"):
        within_group([1, 2, 3], [1, 2, 3], ["a", "a"])
    with pytest.raises(ValueError, match=r"groups\[1\] is None, not a string"):
        within_group([1, 2, 3], [1, 2, 3], ["a", None, "a"])  # type: ignore[list-item]


def test_the_result_goes_into_json_as_it_is() -> None:
    result = within_group(np.arange(7.0), np.arange(7.0), ["a"] * 5 + ["b"] * 2)
    assert json.loads(json.dumps(asdict(result))) == {
        "groups": {"a": {"srcc": pytest.approx(1), "count": 5}},
        "left_out": {"b": {"count": 2, "reason": "fewer than 5 images"}},
        "mean": pytest.approx(1),
    }


def test_stronger_distortion_lowers_mos_within_the_distortions_of_tid2013(shared_dir: Path) -> None:
    lines = (shared_dir / "labels" / "TID2013_mos_with_names.txt").read_text().splitlines()
    mos = np.array([float(line.split()[0]) for line in lines])
    _, distortions, levels = zip(*(Path(line.split()[1]).stem.split("_") for line in lines), strict=True)
    mildness = -np.array(levels, dtype=float)  # five values on 3 000 images: nearly all ties
    result = within_group(mildness, mos, distortions)
    assert len(result.groups) == 24 and not result.left_out
    assert result.mean == pytest.approx(weighted_mean([group.srcc for group in result.groups.values()], [125] * 24))
    assert result.mean > srcc(mildness, mos) > 0.5
    assert np.all(np.diff(fit_logistic(mildness, mos)(np.arange(-5.0, 0.0))) > 0)

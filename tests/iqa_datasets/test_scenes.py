"""Scenes are found by their content, and a split never cuts one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_rali.iqa_datasets.scenes import scene_groups, split_groups


def test_shots_of_one_scene_are_grouped_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(40, 64))
    which = rng.permutation(np.repeat(np.arange(40), 3))
    shots = scenes[which] + 0.2 * rng.normal(size=(120, 64)) + 5
    groups = scene_groups(shots, 0.7)
    assert ((groups[:, None] == groups) == (which[:, None] == which)).all()


def test_links_reach_through_others() -> None:
    angles = np.deg2rad([0, 30, 60, 90, 180, 210, 240, 270])  # neighbours are 30° apart, two chains of four 90°
    groups = scene_groups(np.stack([np.cos(angles), np.sin(angles)], 1), 0.85)
    assert groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@given(
    groups=st.lists(st.integers(0, 30), min_size=20, max_size=200),
    share=st.floats(0.2, 0.8),
    seed=st.integers(0, 100),
)
def test_no_group_is_on_both_sides(groups: list[int], share: float, seed: int) -> None:
    numbers = np.array(groups)
    try:
        sides = split_groups(numbers, share, seed)
    except ValueError:
        assert np.bincount(numbers).max() > 1  # single pictures can always be split
        return
    assert not set(numbers[sides == "train"]) & set(numbers[sides == "validation"])
    assert 0 < (sides == "validation").sum() <= share * len(numbers)
    assert (split_groups(numbers, share, seed) == sides).all()


def test_one_scene_alone_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="1 groups of 50 pictures"):
        split_groups(np.zeros(50, dtype=int), 0.2)

"""Hashed splits: deterministic, near their shares, a group on one side."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from modeling_rali.iqa_datasets import Record, hashed_split
from modeling_rali.iqa_datasets.biq2021 import BIQ2021
from modeling_rali.iqa_datasets.kadid10k import KADID10K
from modeling_rali.iqa_datasets.splits import SPLITS, groups_on_two_sides, splits_are_hashed, with_hashed_splits


def test_the_side_of_a_key_never_changes() -> None:
    """Golden: were these to change, published test pictures would move to the training side."""
    references = [f"I{number:02d}" for number in range(1, 82, 10)]
    assert " ".join(hashed_split("kadid10k", reference) for reference in references) == (
        "train train train train train train validation test test"
    )


def test_the_shares_are_met_over_many_keys() -> None:
    counts = Counter(hashed_split("any", str(key)) for key in range(20_000))
    for split, share in zip(SPLITS, (0.7, 0.1, 0.2), strict=True):
        assert abs(counts[split] / 20_000 - share) < 0.01


def test_each_published_set_gets_every_split() -> None:
    sets = {"tid2013": 25, "kadid10k": 81}
    for name, references in sets.items():
        assert {hashed_split(name, f"I{number:02d}") for number in range(1, references + 1)} == set(SPLITS)


@given(st.lists(st.tuples(st.text(), st.sampled_from([None, "a", "b", "c"])), max_size=30), st.integers(0, 99))
def test_a_group_is_on_one_side_and_nobody_else_moves_it(pairs: list[tuple[str, str | None]], seed: int) -> None:
    records = [Record(image=image, mos=1.0, group=group) for image, group in pairs]
    split = with_hashed_splits(KADID10K, records, seed)
    assert groups_on_two_sides(split) == []
    assert with_hashed_splits(KADID10K, records[:7], seed) == split[:7]


def test_groups_on_two_sides_are_found() -> None:
    records = [
        Record(image=str(index), mos=1.0, group=group, split=split)
        for index, (group, split) in enumerate([("a", "train"), ("a", "test"), ("b", "test"), (None, "train")])
    ]
    assert groups_on_two_sides(records) == ["a"]


def test_given_and_official_splits_are_left_alone() -> None:
    assert not splits_are_hashed(KADID10K, [Record(image="x", mos=1.0, split="test")])
    assert not splits_are_hashed(BIQ2021, [Record(image="x", mos=1.0)])
    assert splits_are_hashed(KADID10K, [Record(image="x", mos=1.0)])


def test_the_leaking_official_split_is_flagged() -> None:
    assert BIQ2021.split_leaks is not None
    assert "scene" in BIQ2021.split_leaks

"""Pushing to a Hub on this machine and loading back from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard, HfApi

from modeling_rali.iqa_datasets import BENCHMARKS, IQADatasetError, load_iqa_dataset, push_iqa_dataset

if TYPE_CHECKING:  # imported by pytest as the plugin that it is
    from ..hub_server import Hub

pytest_plugins = ["tests.hub_server"]

MakeSet = Callable[[str], Path]


def test_a_pushed_set_loads_back_with_the_same_rows_and_pixels(make_set: MakeSet, hub: Hub) -> None:
    folder = make_set("agiqa3k")
    assert push_iqa_dataset("agiqa3k", folder, "me/agiqa3k") == f"{hub.url}/datasets/me/agiqa3k"
    back = load_dataset("me/agiqa3k")
    for split, part in back.items():
        ours = load_iqa_dataset("agiqa3k", folder, str(split))
        assert part.features == ours.features
        for theirs, row in zip(part, ours, strict=True):
            assert theirs.pop("image").tobytes() == row.pop("image").tobytes()
            assert theirs == row
    assert sum(map(len, back.values())) == 24
    assert not hub.repos["datasets/me/agiqa3k"].private


def test_the_card_tells_counts_scale_licence_and_citation(make_set: MakeSet, hub: Hub) -> None:
    push_iqa_dataset("agiqa3k", make_set("agiqa3k"), "me/card", seed=3)
    card = DatasetCard.load("me/card")
    assert card.data.license == "mit"
    assert {info["name"] for info in card.data.dataset_info["features"]} == {
        "image", "image_id", "mos", "quality", "group", "mos_std", "prompt", "generator",
    }  # fmt: skip
    counts = {split["name"]: split["num_examples"] for split in card.data.dataset_info["splits"]}
    for split, count in counts.items():
        assert f"| {split} | {count} |" in card.text
    assert "(seed 3) of each prompt" in card.text
    assert "Higher is better" in card.text
    assert "(mos − 0) / (5 − 0)" in card.text
    assert "excerpt of the published set, which has 2,982 pictures" in card.text
    assert BENCHMARKS["agiqa3k"].citation in card.text


def test_the_card_warns_of_a_split_that_leaks(make_set: MakeSet, hub: Hub) -> None:
    push_iqa_dataset("biq2021", make_set("biq2021"), "me/biq", private=True)
    assert hub.repos["datasets/me/biq"].private
    text = DatasetCard.load("me/biq").text
    assert "**Beware:** shots of one scene" in text
    assert "the one that the label files give" in text


@pytest.mark.parametrize("name", [name for name, benchmark in BENCHMARKS.items() if not benchmark.redistributable])
def test_a_set_that_may_not_be_passed_on_is_refused_before_anything_is_sent(
    name: str, make_set: MakeSet, hub: Hub
) -> None:
    with pytest.raises(IQADatasetError, match="not pushed to a public repository"):
        push_iqa_dataset(name, make_set(name), f"me/refused-{name}")
    assert f"datasets/me/refused-{name}" not in hub.repos


def test_a_private_push_does_not_go_to_a_public_repository_that_exists(make_set: MakeSet, hub: Hub) -> None:
    HfApi().create_repo("me/public", repo_type="dataset", private=False)
    with pytest.raises(IQADatasetError, match="exists and is public"):
        push_iqa_dataset("csiq", make_set("csiq"), "me/public", private=True)
    assert hub.repos["datasets/me/public"].files == {}


def test_lower_is_better_is_said(make_set: MakeSet, hub: Hub) -> None:
    push_iqa_dataset("csiq", make_set("csiq"), "me/csiq", private=True)
    assert "Lower is better in `mos`; `quality` = (mos − 1) / (0 − 1)" in DatasetCard.load("me/csiq").text


def test_an_incomplete_set_is_not_pushed(make_set: MakeSet, hub: Hub) -> None:
    folder = make_set("agiqa3k")
    (folder / "AttnGAN_normal_003.jpg").unlink()
    with pytest.raises(IQADatasetError, match="without their picture"):
        push_iqa_dataset("agiqa3k", folder, "me/incomplete")
    assert "datasets/me/incomplete" not in hub.repos

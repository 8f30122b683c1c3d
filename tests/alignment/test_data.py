"""What one step trains on: drawn at random, the same after an interruption, and never another picture's text."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image

from modeling_rali.alignment.data import AlignmentDataset, AlignmentSampler, Draw, Texts, collate
from modeling_rali.image_processing_rali import RaliImageProcessor, read_image

KEYS = [[0, 1, 2], [3], [1, 4]]  # which texts each picture has
SIZES = [(48, 40), (20, 64), (64, 48)]


@pytest.fixture
def rows(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path, (width, height) in zip(paths, SIZES, strict=True):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return Dataset.from_dict({"image": list(map(str, paths))})


def dataset_of(rows: Dataset, crop_size: int | None, seed: int = 0) -> AlignmentDataset:
    texts = Texts(torch.eye(5), np.concatenate(KEYS), np.array([0, 3, 4, 6]))
    labels = torch.tensor([0.5, torch.nan, -1.0])
    return AlignmentDataset(rows, texts, labels, RaliImageProcessor(resize="area", size=48), crop_size, seed)


def test_a_picture_comes_whole_or_mirrored_with_one_of_its_own_texts(rows: Dataset) -> None:
    dataset = dataset_of(rows, None)
    for row in range(3):
        pixels = dataset.processor.pixels(read_image(rows[row]["image"]))
        items = [dataset[Draw(row, epoch)] for epoch in range(40)]
        mirrored = [torch.equal(item["pixel_values"], pixels.flip(-1)) for item in items]
        assert 8 < sum(mirrored) < 32
        assert all(
            flip or torch.equal(item["pixel_values"], pixels) for flip, item in zip(mirrored, items, strict=True)
        )
        assert {item["text_key"] for item in items} == set(KEYS[row])
        assert all(item["text_embeds"][item["text_key"]] == 1 and item["image_key"] == row for item in items)


def test_crops_are_windows_of_the_picture_or_all_there_is_of_it(rows: Dataset) -> None:
    dataset = dataset_of(rows, 32)
    for row in range(3):
        pixels = dataset.processor.pixels(read_image(rows[row]["image"]))
        height, width = (min(32, side) for side in pixels.shape[1:])
        windows = pixels.unfold(1, height, 1).unfold(2, width, 1)  # (3, tops, lefts, height, width)
        found = set()
        for epoch in range(12):
            crop = dataset[Draw(row, epoch)]["pixel_values"]
            assert crop.shape == (3, height, width)
            same = [(windows == view[:, None, None]).all(dim=(0, 3, 4)).nonzero() for view in (crop, crop.flip(-1))]
            found |= {tuple(place.tolist()) for places in same for place in places}
        assert len(found) > 4


def test_choices_follow_from_seed_epoch_and_row_alone(rows: Dataset) -> None:
    dataset, again, other = dataset_of(rows, 16), dataset_of(rows, 16), dataset_of(rows, 16, seed=1)
    draw = Draw(2, 7)
    for row in range(3):  # what came before does not matter
        dataset[Draw(row, 0)]
    assert torch.equal(dataset[draw]["pixel_values"], again[draw]["pixel_values"])
    assert dataset[draw]["text_key"] == again[draw]["text_key"]
    assert not torch.equal(dataset[draw]["pixel_values"], other[draw]["pixel_values"])
    assert not torch.equal(dataset[draw]["pixel_values"], dataset[Draw(2, 8)]["pixel_values"])


def test_a_batch_keeps_pictures_of_different_sizes_and_stacks_the_rest(rows: Dataset) -> None:
    dataset = dataset_of(rows, None)
    items = [dataset[Draw(row, 0)] for row in (2, 0, 1)]
    batch = collate(items)
    assert [picture.shape for picture in batch["pixel_values"]] == [item["pixel_values"].shape for item in items]
    assert len({picture.shape for picture in batch["pixel_values"]}) > 1
    assert batch["image_keys"].tolist() == [2, 0, 1]
    assert batch["text_keys"].tolist() == [item["text_key"] for item in items]
    torch.testing.assert_close(batch["text_embeds"], torch.eye(5)[batch["text_keys"]])
    torch.testing.assert_close(batch["labels"], torch.tensor([-1.0, 0.5, torch.nan]), equal_nan=True)


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (0.2, 3), (0.5, 12), (0.9, 18)])  # of 12 plain, 18 degraded
def test_an_epoch_has_every_plain_picture_once_and_its_share_of_degraded_ones(share: float, drawn: int) -> None:
    degraded = np.arange(30) % 5 > 1
    sampler = AlignmentSampler(degraded, share, seed=0)
    rows = [draw.row for draw in sampler]
    assert len(sampler) == len(rows) == 12 + drawn
    assert max(Counter(rows).values()) == 1
    assert set(np.flatnonzero(~degraded)) <= set(rows)


def test_each_epoch_has_an_order_and_degraded_pictures_of_its_own_which_come_again() -> None:
    degraded = np.arange(30) % 5 > 1
    epochs = []
    for epoch in (0, 1, 0):
        sampler = AlignmentSampler(degraded, 0.25, seed=3)
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs[0] == epochs[2]
    first, second = ([draw.row for draw in epoch] for epoch in epochs[:2])
    assert {row for row in first if degraded[row]} != {row for row in second if degraded[row]}
    assert [row for row in first if not degraded[row]] != [row for row in second if not degraded[row]]
    assert {draw.epoch for draw in epochs[1]} == {1}


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_no_epoch_can_have_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"degraded_share is {share}"):
        AlignmentSampler(np.array([False, True]), share, seed=0)

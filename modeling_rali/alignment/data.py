"""Pictures and texts in step: what one step of the alignment trains on."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from ..image_processing_rali import RaliImageProcessor, read_image


class Texts(NamedTuple):
    """The embeddings of all texts and who says what: text t is `embeds[keys[t]]`, and equal texts have equal keys.

    embeds: (U, D) unit-length embeddings of the U different texts. keys: (T,) index into them. first: (N + 1,) picture n
    has the texts first[n] to first[n + 1] - 1.
    """

    embeds: torch.Tensor
    keys: np.ndarray
    first: np.ndarray


class Draw(NamedTuple):
    """What the sampler asks for: a row, and the epoch, with which its random choices are seeded."""

    row: int
    epoch: int


class AlignmentDataset(TorchDataset):
    """Pictures, cropped and mirrored at random, each with one of its texts drawn at random.

    All choices follow from (seed, epoch, row), so that a run that was interrupted goes on as if it had not been.

    Args:
        rows: of a texts folder (see `reasoning.texts`), one side of the split.
        texts: the embeddings of their texts.
        labels: (N,) standardised scores, NaN where there is none.
        processor: brings pictures to the tower's size.
        crop_size: side of the square that is cut out at random; `None` for the whole picture.
        seed: of the choices.
    """

    def __init__(
        self,
        rows: Dataset,
        texts: Texts,
        labels: torch.Tensor,
        processor: RaliImageProcessor,
        crop_size: int | None,
        seed: int,
    ) -> None:
        self.paths: list[str] = rows["image"]
        self.texts = texts
        self.labels = labels
        self.processor = processor
        self.crop_size = crop_size
        self.seed = seed

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, draw: Draw) -> dict[str, Any]:
        rng = np.random.default_rng((self.seed, draw.epoch, draw.row))
        pixels = self.processor.pixels(read_image(self.paths[draw.row]))
        if self.crop_size is not None:
            pixels = _random_crop(pixels, self.crop_size, rng)
        if rng.random() < 0.5:
            pixels = pixels.flip(-1)
        text = self.texts.keys[rng.integers(self.texts.first[draw.row], self.texts.first[draw.row + 1])]
        return {
            "pixel_values": pixels,
            "text_embeds": self.texts.embeds[text],
            "image_key": draw.row,
            "text_key": int(text),
            "label": self.labels[draw.row],
        }


def _random_crop(pixels: torch.Tensor, size: int, rng: np.random.Generator) -> torch.Tensor:
    """A square of `size` pixels, or as much of it as there is, cut out of (3, H, W)."""
    top, left = (int(rng.integers(max(side - size, 0) + 1)) for side in pixels.shape[-2:])
    return pixels[:, top : top + size, left : left + size]


def collate(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One batch: `pixel_values` a list of (3, H, W), which may differ in size, and all else stacked."""
    return {
        "pixel_values": [item["pixel_values"] for item in items],
        "text_embeds": torch.stack([item["text_embeds"] for item in items]),
        "image_keys": torch.tensor([item["image_key"] for item in items]),
        "text_keys": torch.tensor([item["text_key"] for item in items]),
        "labels": torch.stack([item["label"] for item in items]),
    }


class AlignmentSampler(Sampler[Draw]):
    """Every undegraded picture once an epoch, and so many degraded ones that they make up `degraded_share` of all.

    The degraded ones are drawn anew each epoch; their share is smaller where there are too few of them.
    """

    def __init__(self, degraded: np.ndarray, degraded_share: float, seed: int) -> None:
        """Args: degraded: (N,) whether a row is a degraded picture; degraded_share: in [0, 1); seed: of the order.

        Raises:
            ValueError: for another share.
        """
        if not 0 <= degraded_share < 1:
            raise ValueError(f"degraded_share is {degraded_share}: give a share from 0 up to, but not including, 1.")
        self.plain, self.degraded = np.flatnonzero(~degraded), np.flatnonzero(degraded)
        wanted = math.floor(len(self.plain) * degraded_share / (1 - degraded_share))
        self.num_degraded = min(wanted, len(self.degraded))
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The trainer says which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.plain) + self.num_degraded

    def __iter__(self) -> Iterator[Draw]:
        rng = np.random.default_rng((self.seed, self.epoch))
        degraded = rng.choice(self.degraded, self.num_degraded, replace=False)
        for row in rng.permutation(np.concatenate([self.plain, degraded])):
            yield Draw(int(row), self.epoch)

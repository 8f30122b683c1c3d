"""The contrastive loss against NumPy in float64, and over two processes against one with the whole batch."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from modeling_rali.alignment.loss import gather_with_gradients, multi_positive_info_nce, positive_pairs

from .processes import in_processes


def rendering(images: np.ndarray, texts: np.ndarray, positives: np.ndarray, scale: float) -> float:
    """The definition, pair by pair."""

    def one_side(similarities: np.ndarray, positives: np.ndarray) -> float:
        losses = []
        for row, own in zip(similarities, positives, strict=True):
            negatives = sum(math.exp(s) for s, positive in zip(row, own, strict=True) if not positive)
            losses.append(np.mean([-math.log(math.exp(s) / (math.exp(s) + negatives)) for s in row[own]]))
        return float(np.mean(losses))

    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    texts = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    similarities = scale * images @ texts.T
    return (one_side(similarities, positives) + one_side(similarities.T, positives.T)) / 2


def embeddings(batch: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, dim)) * 10.0 ** rng.uniform(-2, 2, (batch, 1)), rng.normal(size=(batch, dim))


def info_nce(images: np.ndarray, texts: np.ndarray, positives: torch.Tensor, scale: float) -> float:
    pictures, sentences = torch.from_numpy(images).float(), torch.from_numpy(texts).float()
    return multi_positive_info_nce(pictures, sentences, positives, torch.tensor(scale)).item()


@settings(deadline=None, max_examples=60)
@given(
    keys=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=10),
    dim=st.integers(2, 8),
    scale=st.floats(1, 100),
    seed=st.integers(0, 1000),
)
def test_loss_is_its_definition(keys: list[tuple[int, int]], dim: int, scale: float, seed: int) -> None:
    images, texts = embeddings(len(keys), dim, seed)
    positives = positive_pairs(*torch.tensor(keys).T)
    expected = rendering(images, texts, positives.numpy(), scale)
    assert info_nce(images, texts, positives, scale) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_one_text_each_gives_cross_entropy() -> None:
    images, texts = (torch.from_numpy(embeds).float() for embeds in embeddings(6, 5, 0))
    logits = 20 * F.normalize(images) @ F.normalize(texts).T
    own = torch.arange(6)
    expected = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(
        multi_positive_info_nce(images, texts, torch.eye(6, dtype=torch.bool), torch.tensor(20.0)), expected
    )


def test_doubled_texts_do_not_raise_the_loss() -> None:
    """Were equal texts each other's negatives, they would raise it by up to ln 2."""
    images, texts = embeddings(4, 6, 0)
    once = info_nce(images, texts, torch.eye(4, dtype=torch.bool), 5.0)
    doubled = positive_pairs(torch.arange(8), torch.arange(4).repeat(2))
    twice = info_nce(np.concatenate([images, images]), np.concatenate([texts, texts]), doubled, 5.0)
    blind = info_nce(np.concatenate([images, images]), np.concatenate([texts, texts]), torch.eye(8) > 0, 5.0)
    # the negatives are twice as many, so the loss is that of twice the negatives' weight, and no more
    assert once < twice < once + math.log(2)
    assert blind > twice + 0.1


def test_pairs_are_those_of_one_picture_or_one_text() -> None:
    pairs = positive_pairs(torch.tensor([7, 7, 8, 9]), torch.tensor([1, 2, 2, 3]))
    assert pairs.int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]


def test_rows_without_negatives_add_nothing_and_have_finite_gradients() -> None:
    images = torch.randn(3, 4, requires_grad=True)
    loss = multi_positive_info_nce(images, torch.randn(3, 4), torch.ones(3, 3, dtype=torch.bool), torch.tensor(10.0))
    loss.backward()
    assert loss.item() == 0
    assert images.grad is not None and not images.grad.any()


def test_length_and_half_precision_do_not_matter() -> None:
    images, texts = (torch.from_numpy(embeds).bfloat16() for embeds in embeddings(5, 8, 3))
    own, scale = torch.eye(5, dtype=torch.bool), torch.tensor(100.0)
    with torch.autocast("cpu", torch.bfloat16):
        half = multi_positive_info_nce(images * 64, texts, own, scale)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, multi_positive_info_nce(images.float(), texts.float(), own, scale))


def test_a_batch_of_one_and_embeddings_that_are_not_finite_are_refused() -> None:
    one, two = torch.ones(1, 4), torch.ones(2, 4)
    with pytest.raises(ValueError, match="a batch of 1 has no negatives"):
        multi_positive_info_nce(one, one, torch.ones(1, 1, dtype=torch.bool), torch.tensor(1.0))
    for value in (math.nan, math.inf):
        spoilt = torch.tensor([[1.0, value], [0.0, 1.0]])
        with pytest.raises(ValueError, match="image embeddings of this batch are not finite"):
            multi_positive_info_nce(spoilt, two[:, :2], torch.eye(2, dtype=torch.bool), torch.tensor(1.0))
        with pytest.raises(ValueError, match="text embeddings of this batch are not finite"):
            multi_positive_info_nce(two[:, :2], spoilt, torch.eye(2, dtype=torch.bool), torch.tensor(1.0))


class SmallModel(nn.Module):
    """Pictures of 6 numbers → embeddings of 5, and 1/τ."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 5))
        self.logit_scale = nn.Parameter(torch.tensor(14.0))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layers(pictures), self.logit_scale


def loss_and_gradients(share: int, shares: int) -> dict[str, Any]:
    """One share of a batch of 8 through a small model, under DDP where there are several: loss and gradients, as NumPy."""
    torch.manual_seed(0)
    model = SmallModel()
    whole = DistributedDataParallel(model) if shares > 1 else model
    columns = torch.randn(8, 6), torch.randn(8, 5), torch.arange(8), torch.tensor([0, 1, 2, 3, 0, 5, 6, 6])
    rows = slice(share * 8 // shares, (share + 1) * 8 // shares)
    pictures, texts, image_keys, text_keys = (column[rows] for column in columns)
    embeds, logit_scale = whole(pictures)
    pairs = positive_pairs(gather_with_gradients(image_keys), gather_with_gradients(text_keys))
    embeds, texts = gather_with_gradients(embeds), gather_with_gradients(texts)
    loss = multi_positive_info_nce(embeds, texts, pairs, logit_scale)
    loss.backward()
    gradients = {name: weight.grad.numpy() for name, weight in model.named_parameters() if weight.grad is not None}
    return {"loss": np.array(loss.item()), **gradients}


def _share_of_the_batch() -> dict[str, Any]:
    distributed.init_process_group("gloo")
    result = loss_and_gradients(distributed.get_rank(), distributed.get_world_size())
    distributed.destroy_process_group()
    return result


def test_two_processes_have_the_loss_and_the_gradients_of_one() -> None:
    alone = loss_and_gradients(0, 1)
    assert len(alone) == 6
    assert all(value.any() for value in alone.values())
    for process in in_processes(2, _share_of_the_batch):
        assert process.keys() == alone.keys()
        for name, value in alone.items():
            np.testing.assert_allclose(process[name], value, rtol=1e-6, atol=1e-6 * np.abs(value).max())

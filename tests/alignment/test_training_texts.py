"""Which text belongs to which picture, and labels on one scale."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset

from modeling_rali.alignment.text_embedding import TextEmbedder
from modeling_rali.alignment.training_texts import embed_texts_of, labels_of, mean_text_embeds
from tests.tiny_towers import save_clip

SAID = {"a": ["Sharp.", "Clean and sharp."], "b": ["Blurred.", "Sharp.", "Dark."], "c": ["Dark.", "Dark."]}


@pytest.fixture
def rows() -> Dataset:
    return Dataset.from_dict({"image_id": list(SAID), "texts": list(SAID.values())})


@pytest.fixture
def embedder(tmp_path: Path) -> TextEmbedder:
    return TextEmbedder(str(save_clip(tmp_path / "clip")))


def test_every_picture_has_its_texts_and_equal_ones_share_a_key(
    rows: Dataset, embedder: TextEmbedder, tmp_path: Path
) -> None:
    texts = embed_texts_of(rows, embedder, tmp_path / "texts.safetensors")
    assert len(texts.embeds) == 4  # different ones
    assert texts.first.tolist() == [0, 2, 5, 7]
    assert texts.keys[0] == texts.keys[3] and texts.keys[4] == texts.keys[5] == texts.keys[6]
    said = embedder.embed([text for own in SAID.values() for text in own])
    torch.testing.assert_close(texts.embeds[texts.keys], said)
    means = np.stack([part.mean(0) for part in np.split(said.double().numpy(), [2, 5])])
    np.testing.assert_allclose(mean_text_embeds(texts).numpy(), means, atol=1e-6)


def test_only_the_first_so_many_texts_are_taken(rows: Dataset, embedder: TextEmbedder, tmp_path: Path) -> None:
    texts = embed_texts_of(rows, embedder, tmp_path / "texts.safetensors", texts_per_image=1)
    torch.testing.assert_close(texts.embeds[texts.keys], embedder.embed(["Sharp.", "Blurred.", "Dark."]))
    assert texts.first.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="texts_per_image is 3, but a has 2"):
        embed_texts_of(rows, embedder, tmp_path / "texts.safetensors", texts_per_image=3)


def test_labels_are_standardised_by_the_undegraded_pictures_alone() -> None:
    rows = Dataset.from_dict({"quality": [0.2, 0.1, 0.6, None, 0.3, 0.7]})
    degraded = np.array([False, True, False, False, True, False])
    labels = labels_of(rows, degraded)
    mean, deviation = 0.5, math.sqrt((0.3**2 + 0.1**2 + 0.2**2) / 3)
    expected = [(quality - mean) / deviation for quality in (0.2, 0.1, 0.6, math.nan, 0.3, 0.7)]
    torch.testing.assert_close(labels, torch.tensor(expected), equal_nan=True)


def test_no_labels_at_all_are_nan_and_equal_ones_are_refused() -> None:
    degraded = np.array([False, False, True])
    assert labels_of(Dataset.from_dict({"quality": [None, math.nan, None]}), degraded).isnan().all()
    with pytest.raises(ValueError, match=r"all 2 labels are 0\.5: there is nothing to learn"):
        labels_of(Dataset.from_dict({"quality": [0.5, 0.5, 0.1]}), degraded)

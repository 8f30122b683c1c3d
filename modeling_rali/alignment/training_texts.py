"""What the alignment takes from a texts folder: embeddings of its texts, and standardised scores."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset

from .data import Texts
from .text_embedding import TextEmbedder, embed_texts_cached


def embed_texts_of(rows: Dataset, embedder: TextEmbedder, cache: Path, texts_per_image: int | None = None) -> Texts:
    """Embed the texts of all rows, equal ones once.

    Args:
        rows: of a texts folder.
        embedder: the frozen text tower.
        cache: see `embed_texts_cached`.
        texts_per_image: take the first so many texts of each picture; `None` for all.

    Raises:
        ValueError: if a picture has fewer texts than `texts_per_image`.
    """
    texts = [row[:texts_per_image] for row in rows["texts"]]
    counts = np.array([len(row) for row in texts])
    if texts_per_image is not None and counts.min() < texts_per_image:
        short = rows["image_id"][int(counts.argmin())]
        raise ValueError(
            f"texts_per_image is {texts_per_image}, but {short} has {counts.min()}: describe it anew with more."
        )
    different = {text: key for key, text in enumerate(dict.fromkeys(text for row in texts for text in row))}
    keys = np.array([different[text] for row in texts for text in row])
    embeds = embed_texts_cached(embedder, list(different), cache)
    return Texts(embeds, keys, np.concatenate([[0], counts.cumsum()]))


def mean_text_embeds(texts: Texts) -> torch.Tensor:
    """(N, D): the mean of the embeddings of each picture's texts."""
    return torch.stack([texts.embeds[texts.keys[begin:end]].mean(0) for begin, end in pairwise(texts.first)])


def labels_of(rows: Dataset, degraded: np.ndarray) -> torch.Tensor:
    """(N,) the quality of each row, standardised by mean and deviation of the undegraded ones; NaN where it has none.

    Raises:
        ValueError: if the undegraded pictures that have a label all have the same.
    """
    quality = np.array(rows["quality"], dtype=np.float64)
    known = quality[~degraded & ~np.isnan(quality)]
    if len(known) and known.std() == 0:
        raise ValueError(f"all {len(known)} labels are {known[0]}: there is nothing to learn from them.")
    mean, deviation = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
    return torch.tensor((quality - mean) / deviation, dtype=torch.float32)

"""Compression of image embeddings: standardisation and PCA (the paper's 768 → 512)."""

from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

SMALLEST_SCALE = 1e-10  # as in the released code: a dimension that never varies is not divided


class Compression(NamedTuple):
    """The tensors of z = ((e - mean) / scale) · componentsᵀ: mean (D,), scale (D,), components (P, D), float64."""

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray

    def apply(self, embeds: np.ndarray) -> np.ndarray:
        """Embeddings (N, D) → compressed embeddings (N, P)."""
        return ((embeds - self.mean) / self.scale) @ self.components.T


def fit_compression(embeds: np.ndarray, pca_dim: int | None, seed: int = 0) -> Compression:
    """Fit the standardisation and the principal axes of embeddings.

    Each dimension is standardised first, so that the PCA weighs dimensions by how they vary together and not by their
    units; `scale` is then what its name says.

    Args:
        embeds: (N, D) image embeddings.
        pca_dim: number P of principal axes; `None` standardises only (the ablation without PCA), with P = D.
        seed: for scikit-learn's randomised solver, which it chooses for large problems.

    Raises:
        ValueError: for embeddings that are not finite, or fewer pictures or dimensions than axes.
    """
    embeds = require_finite(embeds)
    mean = embeds.mean(axis=0)
    scale = embeds.std(axis=0)
    scale[scale < SMALLEST_SCALE] = 1
    if pca_dim is None:
        return Compression(mean, scale, np.eye(embeds.shape[1]))
    if pca_dim > min(embeds.shape):
        raise ValueError(
            f"pca_dim is {pca_dim}, but {embeds.shape[0]} embeddings of width {embeds.shape[1]} have at most "
            f"{min(embeds.shape)} principal axes: give more pictures or a smaller pca_dim."
        )
    pca = PCA(n_components=pca_dim, random_state=seed).fit((embeds - mean) / scale)
    return Compression(mean, scale, pca.components_)


def require_finite(embeds: np.ndarray) -> np.ndarray:
    """The (N, D) embeddings in float64; ValueError, with the first row's index, where one is not finite."""
    embeds = np.asarray(embeds, dtype=np.float64)
    spoilt = np.flatnonzero(~np.isfinite(embeds).all(axis=1))
    if len(spoilt):
        raise ValueError(f"{len(spoilt)} of {len(embeds)} embeddings are not finite, the first in row {spoilt[0]}.")
    return embeds

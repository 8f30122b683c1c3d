"""Compression of image embeddings: standardisation, and PCA (the paper's 768 → 512) or partial least squares."""

from typing import NamedTuple

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA

SMALLEST_SCALE = 1e-10  # as in the released code: a dimension that never varies is not divided
_OFFSET = (
    1.0  # given to the last direction of partial least squares; one that told the whole score would deviate by as much
)


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
    mean, scale, standardised = _standardise(embeds)
    if pca_dim is None:
        return Compression(mean, scale, np.eye(len(mean)))
    _require_axes(standardised, pca_dim)
    pca = PCA(n_components=pca_dim, random_state=seed).fit(standardised)
    return Compression(mean, scale, pca.components_)


def fit_supervised_compression(embeds: np.ndarray, scores: np.ndarray, dim: int) -> Compression:
    """Fit the standardisation, and the directions of embeddings that tell the score: partial least squares.

    PCA orders directions by how much embeddings vary along them, and where an embedding says much besides quality, those
    that tell it come late. Partial least squares (Wold's PLS1, scikit-learn's `PLSRegression`) orders directions t by their
    covariance with the score f, uncorrelated with one another. Each counts for the share of the score's variance it tells,

        z_i = corr(t_i, f)² · t_i / sd(t_i) + c · [i = P],

    and the constant c goes to the last, which tells least: a cosine to a prototype forgets the length of z, and with it how
    far a picture is from the mean, unless one dimension is the same for all. `mean` is moved to give it, and is then no
    longer the mean of the embeddings.

    Args:
        embeds: (N, D) image embeddings.
        scores: (N,) their scores on any scale, not all equal.
        dim: number P of directions.

    Raises:
        ValueError: for embeddings that are not finite, fewer pictures, dimensions or telling directions than
            `dim`, or equal scores.
    """
    mean, scale, standardised = _standardise(embeds)
    _require_axes(standardised, dim)
    if np.ptp(scores) == 0:
        raise ValueError(f"all {len(scores)} scores are {scores[0]:g}: there is no direction that tells them apart.")
    rotations = PLSRegression(dim, scale=False).fit(standardised, scores).x_rotations_
    directions = standardised @ rotations
    deviations = directions.std(axis=0)
    if deviations.min() < SMALLEST_SCALE:
        known = int((deviations >= SMALLEST_SCALE).sum())
        raise ValueError(f"pca_dim is {dim}, but only {known} directions tell the scores apart: lower it.")
    telling = np.corrcoef(directions, scores, rowvar=False)[-1, :-1] ** 2
    components = (rotations * (telling / deviations)).T
    offset = np.linalg.pinv(components)[:, -1] * _OFFSET
    return Compression(mean - scale * offset, scale, components)


def _standardise(embeds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (D,) and scale (D,) of embeddings (N, D), and the embeddings by them (N, D)."""
    embeds = require_finite(embeds)
    mean = embeds.mean(axis=0)
    scale = embeds.std(axis=0)
    scale[scale < SMALLEST_SCALE] = 1
    return mean, scale, (embeds - mean) / scale


def _require_axes(embeds: np.ndarray, pca_dim: int) -> None:
    if pca_dim > min(embeds.shape):
        raise ValueError(
            f"pca_dim is {pca_dim}, but {embeds.shape[0]} embeddings of width {embeds.shape[1]} have at most "
            f"{min(embeds.shape)} axes: give more pictures or a smaller pca_dim."
        )


def require_finite(embeds: np.ndarray) -> np.ndarray:
    """The (N, D) embeddings in float64; ValueError, with the first row's index, where one is not finite."""
    embeds = np.asarray(embeds, dtype=np.float64)
    spoilt = np.flatnonzero(~np.isfinite(embeds).all(axis=1))
    if len(spoilt):
        raise ValueError(f"{len(spoilt)} of {len(embeds)} embeddings are not finite, the first in row {spoilt[0]}.")
    return embeds

"""Standardisation, PCA and partial least squares against scikit-learn's and against their definition."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from modeling_rali.prototypes import fit_compression, fit_supervised_compression


@pytest.fixture
def embeds() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)) @ rng.normal(size=(5, 12)) * rng.uniform(0.01, 100, 12) + rng.normal(size=12)


def test_equals_scikit_learns_scaler_and_pca(embeds: np.ndarray) -> None:
    standardised = StandardScaler().fit_transform(embeds)
    expected = PCA(4).fit_transform(standardised)
    np.testing.assert_allclose(fit_compression(embeds, 4).apply(embeds), expected, atol=1e-9)


def test_without_pca_it_standardises_only(embeds: np.ndarray) -> None:
    np.testing.assert_allclose(fit_compression(embeds, None).apply(embeds), StandardScaler().fit_transform(embeds))


def test_a_constant_dimension_is_not_divided(embeds: np.ndarray) -> None:
    embeds[:, 3] = 7.0
    compression = fit_compression(embeds, None)
    assert compression.scale[3] == 1
    assert (compression.apply(embeds)[:, 3] == 0).all()


def test_more_axes_than_pictures_or_dimensions_are_refused(embeds: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pca_dim is 13.*at most 12"):
        fit_compression(embeds, 13)
    with pytest.raises(ValueError, match=r"3 embeddings.*at most 3"):
        fit_compression(embeds[:3], 4)


def test_spoilt_embeddings_are_named(embeds: np.ndarray) -> None:
    embeds[17, 2] = np.nan
    with pytest.raises(ValueError, match=r"1 of 60 embeddings .* row 17"):
        fit_compression(embeds, 2)


@pytest.fixture
def scores(embeds: np.ndarray) -> np.ndarray:
    standardised = StandardScaler().fit_transform(embeds)
    quiet = PCA(5).fit_transform(standardised)[:, -1]  # the direction along which the embeddings vary least
    return 3 + quiet / quiet.std() + np.random.default_rng(1).normal(size=60) / 10


def test_supervised_directions_are_those_of_partial_least_squares(embeds: np.ndarray, scores: np.ndarray) -> None:
    standardised = StandardScaler().fit_transform(embeds)
    expected = PLSRegression(3, scale=False).fit_transform(standardised, scores)[0]
    found = fit_supervised_compression(embeds, scores, 3).apply(embeds)
    np.testing.assert_allclose(found.mean(axis=0), [0, 0, 1], atol=1e-9)
    for ours, theirs in zip((found - found.mean(axis=0)).T, expected.T, strict=True):
        told = np.corrcoef(theirs, scores)[0, 1] ** 2
        np.testing.assert_allclose(ours, told * theirs / theirs.std(), atol=1e-9)


def test_supervised_directions_hold_a_score_that_principal_axes_drop(embeds: np.ndarray, scores: np.ndarray) -> None:
    def told(compressed: np.ndarray) -> float:
        return float(LinearRegression().fit(compressed, scores).score(compressed, scores))

    assert told(fit_supervised_compression(embeds, scores, 4).apply(embeds)) > 0.9
    assert told(fit_compression(embeds, 4).apply(embeds)) < 0.1


def test_supervised_compression_refuses_what_it_cannot_fit(embeds: np.ndarray, scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pca_dim is 13.*at most 12"):
        fit_supervised_compression(embeds, scores, 13)
    with pytest.raises(ValueError, match=r"all 60 scores are 3"):
        fit_supervised_compression(embeds, np.full(60, 3.0), 4)
    with pytest.raises(ValueError, match=r"pca_dim is 8, but only [0-5] directions"):
        fit_supervised_compression(embeds, scores, 8)

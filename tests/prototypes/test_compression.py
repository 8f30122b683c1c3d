"""Standardisation and PCA against scikit-learn's and against their definition."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from modeling_rali.prototypes.compression import fit_compression


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

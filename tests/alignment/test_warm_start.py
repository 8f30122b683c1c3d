"""What training starts from, against NumPy in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from modeling_rali.alignment.model import StandardisedProjection
from modeling_rali.alignment.warm_start import fit_readout, fitted_projection, ridge

PENALTY = 5.0


def rendering(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Ridge regression as plain least squares, with a row √λ · eᵢ → 0 for every input."""
    width = inputs.shape[1]
    rows = np.concatenate([inputs, np.sqrt(PENALTY) * np.eye(width)])
    return np.linalg.lstsq(rows, np.concatenate([targets, np.zeros((width, targets.shape[1]))]), rcond=None)[0]


@pytest.fixture
def features() -> np.ndarray:
    """50 pictures; features that differ in scale a thousandfold, far from 0, two of which say the same."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 12)) * 10.0 ** rng.uniform(-1, 2, 12) + rng.normal(size=12) * 20
    features[:, 7] = 2 * features[:, 3]
    return features


@pytest.fixture
def text_embeds() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(50, 5)) + 1


def test_ridge_is_least_squares_with_a_penalty(text_embeds: np.ndarray) -> None:
    inputs = np.random.default_rng(2).normal(size=(50, 60))  # more than there are pictures
    weights = ridge(torch.from_numpy(inputs).float(), torch.from_numpy(text_embeds).float(), PENALTY)
    assert weights.dtype == torch.float32
    np.testing.assert_allclose(weights.numpy(), rendering(inputs, text_embeds), atol=1e-6)


def test_projection_is_the_ridge_regression_on_standardised_features(
    features: np.ndarray, text_embeds: np.ndarray
) -> None:
    features[:, 4] = 3.0  # never varies
    projection = fitted_projection(torch.from_numpy(features).float(), torch.from_numpy(text_embeds).float(), PENALTY)
    scale = features.std(0, ddof=1)
    scale[4] = 1
    centre = text_embeds.mean(0)
    expected = rendering((features - features.mean(0)) / scale, text_embeds - centre)
    new = features * 1.1 + 1
    with torch.no_grad():
        embeds = projection(torch.from_numpy(new).float()).numpy()
    np.testing.assert_allclose(embeds, (new - features.mean(0)) / scale @ expected + centre, atol=1e-4)


@torch.no_grad()
def test_folded_projection_is_the_same_function(features: np.ndarray) -> None:
    pooled = torch.from_numpy(features).float()
    projection = StandardisedProjection(nn.Linear(12, 5), pooled.mean(0), pooled.std(0))
    torch.testing.assert_close(projection.folded()(pooled), projection(pooled), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_readout_is_the_ridge_regression() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(80, 24)) + 0.3  # some of the pictures that were standardised have no label
    labels = rng.normal(size=80) + 0.5
    readout = nn.Linear(24, 1)
    fit_readout(readout, torch.from_numpy(features).float(), torch.from_numpy(labels).float(), PENALTY)

    centred = features - features.mean(0)
    expected = (centred @ rendering(centred, labels[:, None] - labels.mean()))[:, 0] + labels.mean()
    np.testing.assert_allclose(readout(torch.from_numpy(features).float())[:, 0].numpy(), expected, atol=1e-4)
    assert np.corrcoef(expected, labels)[0, 1] > 0.3


def test_too_few_pictures_and_features_that_are_not_finite_are_refused(features: np.ndarray) -> None:
    tensor, embeds = torch.from_numpy(features).float(), torch.ones(50, 5)
    with pytest.raises(ValueError, match="1 undegraded pictures are too few"):
        fitted_projection(tensor[:1], embeds[:1], PENALTY)
    tensor[9, 2] = torch.nan
    with pytest.raises(ValueError, match="features that are not finite"):
        fitted_projection(tensor, embeds, PENALTY)

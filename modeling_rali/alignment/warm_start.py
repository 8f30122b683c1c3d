"""A projection into the space of texts, and a line to the score, that fit the features as they are.

Training starts from there, so that the first steps do not tear the tower's features apart to suit a random projection.
"""

import torch
from torch import nn

from ..prototypes.compression import SMALLEST_SCALE
from .model import StandardisedProjection


def ridge(inputs: torch.Tensor, targets: torch.Tensor, penalty: float) -> torch.Tensor:
    """W (P, D) with the least ‖inputs W − targets‖² + penalty · ‖W‖², solved in float64.

    Args:
        inputs: (N, P), of mean zero.
        targets: (N, D), of mean zero.
        penalty: λ, above 0.
    """
    x, y = inputs.double(), targets.double()
    gram = x.T @ x + penalty * torch.eye(x.shape[1], dtype=torch.float64)
    return torch.linalg.solve(gram, x.T @ y).to(inputs.dtype)


def fitted_projection(features: torch.Tensor, text_embeds: torch.Tensor, penalty: float) -> StandardisedProjection:
    """The ridge regression from standardised features (N, P) to the mean text embedding (N, D) of each picture.

    Raises:
        ValueError: for fewer than two pictures, or features that are not finite.
    """
    if len(features) < 2:
        raise ValueError(f"{len(features)} undegraded pictures are too few to fit a projection to: give at least 2.")
    if not features.isfinite().all():
        raise ValueError("the tower gives features that are not finite: are its weights whole?")
    mean, scale = features.mean(0), features.std(0)
    scale[scale < SMALLEST_SCALE] = 1
    centre = text_embeds.mean(0)
    linear = nn.Linear(features.shape[1], text_embeds.shape[1])
    with torch.no_grad():
        linear.weight.copy_(ridge((features - mean) / scale, text_embeds - centre, penalty).T)
        linear.bias.copy_(centre)
    return StandardisedProjection(linear, mean, scale)


@torch.no_grad()
def fit_readout(readout: nn.Linear, standardised: torch.Tensor, labels: torch.Tensor, penalty: float) -> None:
    """Set a line to the score to the ridge regression on standardised features (N, P) with standardised labels (N,)."""
    centre = standardised.mean(0)
    weights = ridge(standardised - centre, (labels - labels.mean())[:, None], penalty)
    readout.weight.copy_(weights.T)
    readout.bias.copy_(labels.mean() - centre @ weights[:, 0])

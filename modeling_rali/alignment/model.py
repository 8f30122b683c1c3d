"""The model while it is aligned: the RALI tower and projection, a temperature, and a straight line to the score."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ..modeling_rali import RaliModel

INITIAL_TEMPERATURE = 0.07  # as CLIP's
MOST_LOG_SCALE = math.log(100.0)  # as CLIP's: logits are scaled by 1 to 100


class Aligned(NamedTuple):
    """What the losses need: image embeddings (B, D) in the space of texts, standardised scores (B,), the log of 1/τ ()."""

    embeds: torch.Tensor
    scores: torch.Tensor
    log_scale: torch.Tensor


class StandardisedProjection(nn.Module):
    """A linear projection of standardised features, the form it trains well in: features differ in scale a hundredfold."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear, mean: torch.Tensor, scale: torch.Tensor) -> None:
        """Args: linear: with bias, of standardised features; mean, scale: (P,) of the features."""
        super().__init__()
        self.linear = linear
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def standardised(self, pooled: torch.Tensor) -> torch.Tensor:
        """Pooled features (B, P), each less its mean and over its deviation at the start, in float32."""
        return (pooled.float() - self.mean) / self.scale

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Pooled features (B, P) → embeddings (B, D), in float32."""
        with torch.autocast(pooled.device.type, enabled=False):
            return self.linear(self.standardised(pooled))

    def folded(self) -> nn.Linear:
        """The same function as one linear layer of the features as they are."""
        weight = self.linear.weight / self.scale
        plain = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            plain.weight.copy_(weight)
            plain.bias.copy_(self.linear.bias - weight @ self.mean)
        return plain


class AlignmentModel(nn.Module):
    """A RALI model in training.

    Where it has a projection of its own, the score is read off the standardised features before it, since texts do not say
    all that tells quality, and they stay the image embedding. Otherwise it is read off the direction of the embedding.
    """

    def __init__(self, rali: RaliModel, projection: StandardisedProjection | None = None) -> None:
        """Args: rali: the tower; projection: into the space of texts, where its embeddings are not in it."""
        super().__init__()
        self.rali = rali
        self.projection = projection
        self.readout = nn.Linear(rali.config.embed_dim, 1)
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(INITIAL_TEMPERATURE)))

    def train(self, mode: bool = True) -> "AlignmentModel":
        """Training mode, but for batch normalisation, which keeps its statistics, and dropout, which would blur the target."""
        super().train(mode)
        for module in self.rali.modules():
            if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.Dropout)):
                module.eval()
        return self

    def forward(self, pixel_values: Sequence[torch.Tensor]) -> Aligned:
        """Pictures (3, H, W), which may differ in size."""
        features = self.features(pixel_values)
        embeds = features if self.projection is None else self.projection(features)
        return Aligned(embeds, self.read_out(features), self.log_scale.clamp(0.0, MOST_LOG_SCALE))

    def features(self, pixel_values: Sequence[torch.Tensor]) -> torch.Tensor:
        """Pictures (3, H, W) → the tower's image embeddings (B, P) in float32; those of one size share a forward pass."""
        by_size: dict[torch.Size, list[int]] = {}
        for index, picture in enumerate(pixel_values):
            by_size.setdefault(picture.shape, []).append(index)
        stacks = [torch.stack([pixel_values[index] for index in indices]) for indices in by_size.values()]
        parts = [self.rali.get_image_features(stack)[0] for stack in stacks]
        order = torch.tensor([index for indices in by_size.values() for index in indices]).argsort()
        return torch.cat(parts)[order.to(parts[0].device)].float()

    def read_out(self, features: torch.Tensor) -> torch.Tensor:
        """Features (B, P) before the own projection, or embeddings where there is none → standardised scores (B,)."""
        with torch.autocast(features.device.type, enabled=False):
            if self.projection is None:
                told = F.normalize(features, dim=-1) * features.shape[-1] ** 0.5
            else:
                told = self.projection.standardised(features)
            return self.readout(told).squeeze(-1)

    def finished(self) -> RaliModel:
        """The RALI model with the trained tower and projection, in evaluation mode; this one is of no use afterwards."""
        if self.projection is not None:
            self.rali.text_projection = self.projection.folded()
            self.rali.config.text_dim = self.projection.linear.out_features
        return self.rali.eval()

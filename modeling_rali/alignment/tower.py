"""A tower as it trains fastest: the same function, for the time of the training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from ..inference.fusion import drop_open_gates, normed_convolutions


@contextmanager
def training_form(tower: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The tower without what costs time and changes nothing; afterwards it is as before, with its trained weights.

    Squeeze-and-excitation whose gate is exactly open is left out: as an identity it has no gradient worth its memory
    traffic. Weights of convolutions lie channels last. On a CPU, where a pass over memory costs more than the arithmetic,
    batch normalisation, whose statistics are fixed, is done to the weights of the convolution before it, with gradients to
    both; and depthwise convolutions stay in float32 under autocast: their bfloat16 backward is several times as slow.
    """
    gates = drop_open_gates(tower)
    on_cpu = all(parameter.device.type == "cpu" for parameter in tower.parameters())
    norms = dict(normed_convolutions(tower)) if on_cpu else {}
    convolutions = [module for module in tower.modules() if isinstance(module, nn.Conv2d)] if on_cpu else []
    for convolution in convolutions:
        convolution.forward = _faster(convolution, norms.get(convolution))  # type: ignore[method-assign, assignment]
    for norm in norms.values():
        norm.forward = _as_it_is  # type: ignore[method-assign, assignment]
    tower.to(memory_format=torch.channels_last)
    try:
        yield tower
    finally:
        tower.to(memory_format=torch.contiguous_format)
        for module in (*convolutions, *norms.values()):
            del module.forward
        for parent, name, gate in gates:
            setattr(parent, name, gate)


def _faster(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """A convolution with the batch normalisation after it: x ∗ (γ/σ · w) + β + γ/σ · (b - mean), with σ² = variance + ε."""
    depthwise = convolution.groups > 1

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        weight, bias = convolution.weight, convolution.bias
        if norm is not None:
            assert norm.running_mean is not None and norm.running_var is not None
            factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            shift = -norm.running_mean if bias is None else bias - norm.running_mean
            bias = norm.bias + factor * shift
            weight = (weight * factor[:, None, None, None]).contiguous(memory_format=torch.channels_last)
        if not depthwise:
            return convolution._conv_forward(pixels, weight, bias)
        with torch.autocast(pixels.device.type, enabled=False):
            return convolution._conv_forward(pixels.to(weight.dtype), weight, bias)

    return forward


def _as_it_is(features: torch.Tensor) -> torch.Tensor:
    return features

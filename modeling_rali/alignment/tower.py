"""A tower as it trains fastest: the same function, for the time of the training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from ..inference.fusion import drop_open_gates


@contextmanager
def training_form(tower: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The tower without what costs time and changes nothing; afterwards it is as before, with its trained weights.

    Squeeze-and-excitation whose gate is exactly open is left out: as an identity it has no gradient worth its memory
    traffic. On a CPU depthwise convolutions stay in float32 under autocast: their bfloat16 backward is several times as
    slow. Weights of convolutions lie channels last.
    """
    gates = drop_open_gates(tower)
    depthwise = [
        module
        for module in tower.modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.weight.device.type == "cpu"
    ]
    for module in depthwise:
        module.forward = _in_float32(module)  # type: ignore[method-assign, assignment]
    tower.to(memory_format=torch.channels_last)
    try:
        yield tower
    finally:
        tower.to(memory_format=torch.contiguous_format)
        for module in depthwise:
            del module.forward
        for parent, name, gate in gates:
            setattr(parent, name, gate)


def _in_float32(module: nn.Conv2d) -> Callable[[torch.Tensor], torch.Tensor]:
    forward = module.forward

    def in_float32(pixels: torch.Tensor) -> torch.Tensor:
        with torch.autocast(pixels.device.type, enabled=False):
            return forward(pixels.float())

    return in_float32

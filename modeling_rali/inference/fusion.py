"""The same tower with fewer passes over memory: open gates left out, batch normalisation folded into convolutions."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers.models.efficientnet.modeling_efficientnet import EfficientNetSqueezeExciteLayer


def drop_open_gates(tower: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """Replace every squeeze-and-excitation whose gate is exactly 1, whatever it is given, by the identity, in place.

    Such layers are what EfficientNet-Lite's lack of them looks like in transformers' EfficientNet.

    Returns:
        What was replaced, as arguments of `setattr` that put it back.
    """
    gates: list[tuple[nn.Module, str, nn.Module]] = [
        (parent, name, child)
        for parent in tower.modules()
        for name, child in parent.named_children()
        if isinstance(child, EfficientNetSqueezeExciteLayer) and _is_open(child)
    ]
    for parent, name, _ in gates:
        setattr(parent, name, nn.Identity())
    return gates


def _is_open(layer: EfficientNetSqueezeExciteLayer) -> bool:
    constant = not layer.expand.weight.any()
    return constant and bool((torch.sigmoid(layer.expand.bias.float()) == 1).all())


def fuse_batch_norms(tower: nn.Module) -> int:
    """Fold every batch normalisation that directly follows a convolution into it, in place.

    It is the same function with one pass over memory less for each pair, for inference alone: the tower can no longer be
    trained or saved as what it was.

    Args:
        tower: in evaluation mode, float32, on the CPU.

    Returns:
        The number of pairs.
    """
    pairs = normed_convolutions(tower)
    replacements: dict[nn.Module, nn.Module] = {}
    for convolution, norm in pairs:
        replacements[convolution] = fuse_conv_bn_eval(convolution, norm)
        replacements[norm] = nn.Identity()
    for parent in list(tower.modules()):
        for name, child in parent.named_children():
            if child in replacements:
                setattr(parent, name, replacements[child])
    return len(pairs)


def normed_convolutions(tower: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Every convolution of a tower on the CPU that a batch normalisation directly follows, with it.

    Which layers follow which is seen from a forward pass, not guessed from names.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in tower.modules()):
        return []
    convolutions: dict[int, nn.Conv2d] = {}
    outputs = []  # kept, so that no two have the same id
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after_convolution(module: nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        outputs.append(output)
        convolutions[id(output)] = module

    def before_norm(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        if id(inputs[0]) in convolutions:
            pairs.append((convolutions[id(inputs[0])], module))

    hooks = []
    for module in tower.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(after_convolution))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(before_norm))
    try:
        with torch.inference_mode():
            tower(torch.zeros(1, 3, 64, 64, dtype=next(tower.parameters()).dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs

"""Folding batch normalisation changes the layers and not the scores."""

import copy

import torch
from torch import nn

from modeling_rali import RaliModel
from modeling_rali.inference.fusion import drop_open_gates, fuse_batch_norms


def set_statistics(tower: nn.Module) -> None:
    """Give the batch norms statistics that are not the identity, as after training."""
    for module in tower.modules():
        if isinstance(module, nn.BatchNorm2d):
            state = {
                name: tensor + 0.3 * torch.rand_like(tensor) for name, tensor in module.named_buffers() if tensor.ndim
            }
            state |= {name: tensor + 0.3 * torch.rand_like(tensor) for name, tensor in module.named_parameters()}
            module.load_state_dict(state, strict=False)


@torch.no_grad()
def test_every_norm_is_folded_and_the_score_stays(tiny_efficientnet: RaliModel) -> None:
    set_statistics(tiny_efficientnet.vision_model)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in tiny_efficientnet.modules())
    fused = copy.deepcopy(tiny_efficientnet)
    assert fuse_batch_norms(fused.vision_model) == norms > 0
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    pixels = torch.randn(2, 3, 64, 80)
    torch.testing.assert_close(fused(pixels).score, tiny_efficientnet(pixels).score, atol=1e-5, rtol=0)


@torch.no_grad()
def test_only_open_gates_are_left_out_and_the_score_stays_to_the_last_bit(tiny_efficientnet: RaliModel) -> None:
    blocks = tiny_efficientnet.vision_model.encoder.blocks
    for block in blocks[1:]:
        block.squeeze_excite.expand.weight.zero_()
        block.squeeze_excite.expand.bias.fill_(30.0)
    pixels = torch.randn(2, 3, 64, 80)
    expected = tiny_efficientnet(pixels).score
    gates = drop_open_gates(tiny_efficientnet.vision_model)
    assert len(gates) == len(blocks) - 1 > 0
    assert not isinstance(blocks[0].squeeze_excite, nn.Identity)
    assert torch.equal(tiny_efficientnet(pixels).score, expected)
    for gate in gates:
        setattr(*gate)
    assert not any(isinstance(block.squeeze_excite, nn.Identity) for block in blocks)


@torch.no_grad()
def test_a_norm_that_does_not_follow_a_convolution_stays() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2)
    tower = nn.Sequential(*layers).eval()
    set_statistics(tower)
    pixels = torch.randn(1, 3, 8, 8)
    expected = tower(pixels)
    assert fuse_batch_norms(tower) == 1
    assert [type(module).__name__ for module in tower] == ["Conv2d", "ReLU", "BatchNorm2d", "Conv2d", "Identity"]
    torch.testing.assert_close(tower(pixels), expected)


@torch.no_grad()
def test_a_tower_without_norms_is_left_alone(tiny_clip: RaliModel) -> None:
    assert fuse_batch_norms(tiny_clip.vision_model) == 0

"""Adapters train in place of a tower, start as no change, and end as plain weights."""

import pytest
import torch

from modeling_rali import RaliModel
from modeling_rali.alignment.lora import add_lora, merge_lora

ATTENTION = {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"]}


def test_adapters_alone_are_trainable_and_change_nothing_yet(tiny_clip: RaliModel) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    expected = tiny_clip.get_image_features(pixels)[0]
    add_lora(tiny_clip, **ATTENTION)
    trainable = [name for name, weight in tiny_clip.vision_model.named_parameters() if weight.requires_grad]
    assert trainable
    assert all("lora_" in name for name in trainable)
    torch.testing.assert_close(tiny_clip.get_image_features(pixels)[0], expected)


@torch.no_grad()
def test_merged_adapters_give_the_same_embeddings_in_a_tower_of_the_old_form(tiny_clip: RaliModel) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    before = tiny_clip.get_image_features(pixels)[0]
    names = list(tiny_clip.state_dict())
    add_lora(tiny_clip, **ATTENTION)
    for name, weight in tiny_clip.named_parameters():
        if "lora_" in name:
            weight.normal_(std=0.5)
    adapted = tiny_clip.get_image_features(pixels)[0]
    assert (adapted - before).abs().max() > 1e-2
    merge_lora(tiny_clip)
    assert list(tiny_clip.state_dict()) == names
    torch.testing.assert_close(tiny_clip.get_image_features(pixels)[0], adapted)


@torch.no_grad()
def test_an_adapter_that_is_not_finite_is_not_merged(tiny_clip: RaliModel) -> None:
    add_lora(tiny_clip, **ATTENTION)
    broken = next(weight for name, weight in tiny_clip.named_parameters() if "lora_B" in name)
    broken.fill_(torch.nan)
    with pytest.raises(ValueError, match="NaN"):
        merge_lora(tiny_clip)


def test_settings_that_fit_nothing_are_named(tiny_clip: RaliModel) -> None:
    with pytest.raises(ValueError, match="no_such_layer"):
        add_lora(tiny_clip, target_modules=["no_such_layer"])
    with pytest.raises(TypeError, match="rang"):
        add_lora(tiny_clip, rang=4)

"""CLIP and SigLIP models give RALI models whose embeddings are theirs."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    CLIPModel,
    CLIPVisionModelWithProjection,
    SiglipModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from modeling_rali import RaliModel
from modeling_rali.conversion.vision_towers import rali_on_vision_tower
from tests.tiny_towers import save_clip, save_siglip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return save_clip(tmp_path / "clip")


@pytest.fixture
def siglip(tmp_path: Path) -> Path:
    return save_siglip(tmp_path / "siglip")


@torch.no_grad()
def test_clip_gives_its_projected_embeddings(clip: Path, photo: Image.Image) -> None:
    model = rali_on_vision_tower(str(clip))
    pixels = CLIPImageProcessorPil.from_pretrained(clip)(photo, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(model.image_processor.pixels(photo)[None], pixels, atol=1e-5, rtol=0)
    expected = CLIPModel.from_pretrained(clip).eval().get_image_features(pixels).pooler_output
    torch.testing.assert_close(model.get_image_features(pixels)[0], expected)
    assert model.config.embed_dim == 24
    assert not model.training


@torch.no_grad()
def test_siglip_gives_its_pooled_embeddings_of_the_whole_picture(siglip: Path, photo: Image.Image) -> None:
    model = rali_on_vision_tower(str(siglip))
    pixels = SiglipImageProcessorPil.from_pretrained(siglip)(photo, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(model.image_processor.pixels(photo)[None], pixels, atol=1e-5, rtol=0)
    expected = SiglipModel.from_pretrained(siglip).eval().get_image_features(pixels).pooler_output
    torch.testing.assert_close(model.get_image_features(pixels)[0], expected)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_model_can_be_saved_and_is_then_found_as_it_is(
    kind: str, photo: Image.Image, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model = rali_on_vision_tower(str(request.getfixturevalue(kind)))
    model.save_pretrained(tmp_path / "saved")
    again = rali_on_vision_tower(str(tmp_path / "saved"))
    assert isinstance(again, RaliModel)
    pixels = model.image_processor.pixels(photo)[None]
    torch.testing.assert_close(again.get_image_features(pixels)[0], model.get_image_features(pixels)[0])


def test_a_vision_tower_alone_will_do(clip: Path, tmp_path: Path) -> None:
    whole = rali_on_vision_tower(str(clip))
    CLIPVisionModelWithProjection.from_pretrained(clip, config=whole.config.vision_config).save_pretrained(
        tmp_path / "v"
    )
    (tmp_path / "v" / "preprocessor_config.json").write_text((clip / "preprocessor_config.json").read_text())
    alone = rali_on_vision_tower(str(tmp_path / "v"))
    for name, tensor in whole.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(alone.state_dict()[name], tensor)


def test_missing_tensors_are_refused_rather_than_made_up(clip: Path) -> None:
    weights = load_file(clip / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, clip / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"clip: 4 tensors of the vision tower are missing"):
        rali_on_vision_tower(str(clip))


def test_other_kinds_and_preprocessing_are_named(siglip: Path, tmp_path: Path) -> None:
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match=r'bert: a model of type "bert"'):
        rali_on_vision_tower(str(tmp_path / "bert"))
    SiglipImageProcessorPil(size={"height": 32, "width": 48}).save_pretrained(siglip)
    with pytest.raises(ValueError, match="not a square"):
        rali_on_vision_tower(str(siglip))

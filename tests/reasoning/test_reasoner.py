"""Loading, freezing and adapting a reasoner, on tiny models of the real architectures."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import get_peft_model
from PIL import Image
from transformers import AutoTokenizer

from modeling_rali.reasoning.prompts import rating_messages
from modeling_rali.reasoning.reasoner import (
    freeze_vision_tower,
    load_reasoner,
    lora_config,
    vision_tower,
)

SEEING = ["qwen2_5_vl", "qwen3_vl", "idefics3", "llava"]


@pytest.mark.parametrize("family", SEEING)
def test_vision_language_model_sees_the_picture(
    family: str, tiny_reasoner: Callable[[str], Path], photo: Image.Image
) -> None:
    model, processor, sees = load_reasoner(str(tiny_reasoner(family)))
    assert sees
    prompt = processor.apply_chat_template(rating_messages(), tokenize=False, add_generation_prompt=True)

    def logits(picture: Image.Image) -> torch.Tensor:
        with torch.no_grad():
            return model(**processor(images=[picture], text=[prompt], return_tensors="pt")).logits[0, -1]

    assert not torch.equal(logits(photo), logits(photo.transpose(Image.Transpose.ROTATE_180)))


def test_language_model_reads_measures_instead(tiny_reasoner: Callable[[str], Path]) -> None:
    model, processor, sees = load_reasoner(str(tiny_reasoner("llama")), {"dtype": "bfloat16"})
    assert not sees
    assert model.dtype == torch.bfloat16
    text = processor.apply_chat_template(rating_messages(measures="The picture is sharp."), tokenize=False)
    assert "The picture is sharp." in text


def test_processor_caps_the_pixels(tiny_reasoner: Callable[[str], Path], photo: Image.Image) -> None:
    large = photo.resize((900, 600))

    def tokens(pixels: int) -> int:
        options = {"size": {"shortest_edge": 3136, "longest_edge": pixels}}
        processor = load_reasoner(str(tiny_reasoner("qwen2_5_vl")), processor_options=options).processor
        return int(processor.image_processor([large], return_tensors="pt")["image_grid_thw"].prod()) // 4

    assert tokens(28 * 28 * 16) <= 16 < tokens(28 * 28 * 64) <= 64


def test_saved_qwen_processor_is_found_by_its_familys_name(
    tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    load_reasoner(str(tiny_reasoner("qwen2_5_vl"))).processor.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "processor_config.json").read_text())["processor_class"] == "Qwen2_5_VLProcessor"
    assert len(AutoTokenizer.from_pretrained(tmp_path)) > 256


def test_adapters_are_merged_into_what_they_were_trained_on(
    tiny_reasoner: Callable[[str], Path], photo: Image.Image, tmp_path: Path
) -> None:
    """One on another, as reinforcement learning after a warm start leaves them."""
    name = str(tiny_reasoner("llava"))
    for stage in ("warm-start", "reinforced"):
        model, processor, _ = load_reasoner(name)
        options = {"r": 2, "target_modules": "all-linear", "init_lora_weights": False}  # random: it changes the model
        adapted = get_peft_model(model, lora_config(model, options, freeze_vision=True)).eval()
        adapted.save_pretrained(str(tmp_path / stage))
        processor.save_pretrained(tmp_path / stage)
        name = str(tmp_path / stage)
    merged = load_reasoner(name)
    assert merged.sees and not any("lora" in own for own, _ in merged.model.named_parameters())
    prompt = processor.apply_chat_template(rating_messages(), tokenize=False)
    inputs = processor(images=[photo], text=[prompt], return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(merged.model(**inputs).logits, adapted(**inputs).logits)


def test_model_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(OSError, match="no/where/at-all"):
        load_reasoner("no/where/at-all")


@pytest.mark.parametrize("family", SEEING)
@pytest.mark.parametrize("freeze", [True, False])
def test_frozen_tower_learns_nothing_with_adapters_or_without(
    family: str, freeze: bool, tiny_reasoner: Callable[[str], Path]
) -> None:
    model = load_reasoner(str(tiny_reasoner(family))).model
    tower = vision_tower(model)
    adapters = lora_config(model, {"r": 2, "target_modules": "all-linear"}, freeze)
    if freeze:
        freeze_vision_tower(model)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert any(name.startswith(tower) for name in trained) != freeze
    assert any("language_model" in name or "text_model" in name for name in trained)
    adapted = [name for name, weight in get_peft_model(model, adapters).named_parameters() if weight.requires_grad]
    assert any(f".{tower}." in name for name in adapted) != freeze
    assert all("lora_" in name for name in adapted)


def test_language_model_has_no_tower_to_freeze(tiny_reasoner: Callable[[str], Path]) -> None:
    model = load_reasoner(str(tiny_reasoner("llama"))).model
    with pytest.raises(ValueError, match=r"LlamaForCausalLM has no vision tower .* set freeze_vision to false"):
        freeze_vision_tower(model)


def test_training_goes_on_from_the_checkpoints_weights_towards_the_first_reference(
    tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    model = load_reasoner(str(tiny_reasoner("llava"))).model
    with torch.no_grad():
        model.lm_head.weight.fill_(0.5)
    model.save_pretrained(tmp_path / "checkpoint-3")
    resumed = load_reasoner(str(tiny_reasoner("llava")), checkpoint=str(tmp_path / "checkpoint-3")).model
    assert (resumed.lm_head.weight == 0.5).all()
    assert resumed.config._name_or_path == str(tiny_reasoner("llava"))
    (tmp_path / "adapter").mkdir()  # a checkpoint of adapters, which the trainer loads itself
    begun = load_reasoner(str(tiny_reasoner("llava")), checkpoint=str(tmp_path / "adapter")).model
    assert not (begun.lm_head.weight == 0.5).any()

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, CLIPVisionConfig, CLIPVisionModel

from modeling_rali import RaliModel
from modeling_rali.inference import ModelLoadError, find_device, load_model


def test_a_checkpoint_is_loaded_ready_to_score(tiny_checkpoint: Path, tiny_clip: RaliModel) -> None:
    model = load_model(tiny_checkpoint, device="cpu")
    assert not model.training
    assert model.device.type == "cpu"
    torch.testing.assert_close(model.head.prototypes, tiny_clip.head.prototypes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtype_is_that_of_the_tower_and_never_of_the_head(tiny_checkpoint: Path, dtype: str) -> None:
    model = load_model(tiny_checkpoint, device="cpu", dtype=dtype)
    assert model.vision_model.dtype == getattr(torch, dtype)
    assert model.head.prototypes.dtype == torch.float32


def test_dtype_auto_is_that_of_the_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    load_model(tiny_checkpoint, device="cpu", dtype="bfloat16").save_pretrained(tmp_path / "half")
    assert load_model(tmp_path / "half", device="cpu").vision_model.dtype == torch.bfloat16


def missing_folder(folder: Path) -> Path:
    return folder / "nowhere"


def a_file(folder: Path) -> Path:
    return folder / "config.json"


def without_weights(folder: Path) -> Path:
    (folder / "model.safetensors").unlink()
    return folder


def truncated_weights(folder: Path) -> Path:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return folder


def broken_config(folder: Path) -> Path:
    (folder / "config.json").write_text("{")
    return folder


def impossible_config(folder: Path) -> Path:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"pca_dim": 8', '"pca_dim": 800'))
    return folder


def of_another_architecture(folder: Path) -> Path:
    config = CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8
    )
    CLIPVisionModel(config).save_pretrained(folder / "clip")
    assert AutoModel.from_pretrained(folder / "clip")
    return folder / "clip"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (missing_folder, "no such folder"),
        (a_file, "not a file"),
        (without_weights, "model.safetensors"),
        (truncated_weights, "file not fully covered"),
        (broken_config, "config.json"),
        (impossible_config, "pca_dim is 800"),
        (of_another_architecture, "not a RALI model, but CLIPVisionModel"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_named_in_one_line(tiny_checkpoint: Path, spoil, says: str) -> None:  # type: ignore[no-untyped-def]
    checkpoint = spoil(tiny_checkpoint)
    with pytest.raises(ModelLoadError, match=says) as caught:
        load_model(checkpoint)
    message = str(caught.value)
    assert str(checkpoint) in message
    assert "\n" not in message


def test_auto_takes_an_accelerator_where_there_is_one() -> None:
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    assert find_device().type == (accelerator.type if accelerator else "cpu")


def test_local_processes_take_the_accelerators_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("is_available", True), ("current_accelerator", torch.device("cuda")), ("device_count", 2)):
        monkeypatch.setattr(torch.accelerator, name, lambda value=value: value)
    for rank, device in (("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0")):
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert str(find_device()) == device
    assert str(find_device("cpu")) == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "tpu", ""])
def test_a_device_that_is_not_there_gets_the_list_of_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match=f'no device "{name}" here; there is: cpu'):
        find_device(name)

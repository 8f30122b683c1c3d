"""RACT's texts of one reasoner, what it trains and what it leaves, on tiny models of the real architectures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from PIL import Image
from transformers import PreTrainedModel

from modeling_rali.reasoning.ract import (
    changed_weights,
    check_rest_unchanged,
    described_pictures,
    read_one_reasoners_texts,
    reasoning_rows,
    train_vision_encoder_alone,
)
from modeling_rali.reasoning.reasoner import Reasoner, load_reasoner, vision_tower
from modeling_rali.reasoning.reasoner_rows import answered
from modeling_rali.reasoning.texts import SCHEMA, TextsFolder

SEEING = ["qwen2_5_vl", "qwen3_vl", "idefics3", "llava"]


def row(folder: Path, **changes: Any) -> dict[str, Any]:
    """Of a texts folder, with a picture beside it."""
    Image.new("RGB", (8, 8)).save(folder / "grey.png")
    known = {"image": str(folder / "grey.png"), "image_id": "a", "source_id": "a", "group": "0", "dataset": "biq2021"}
    labels = {"split": "train", "mos": 0.5, "quality": 0.5, "texts": ["Sharp.", "Soft."], "ratings": [4.0, None]}
    return {**dict.fromkeys(SCHEMA.names), **known, **labels, "teacher": "org/reasoner", "seeds": [0, 1], **changes}


@pytest.fixture
def texts(tmp_path: Path) -> Callable[..., Path]:
    """Write a texts folder with a row for each of the changes to one."""

    def write(*changes: dict[str, Any]) -> Path:
        folder = tmp_path / f"texts-{len(list(tmp_path.iterdir()))}"
        rows = [row(tmp_path, **one) for one in changes]
        TextsFolder(folder, {"teacher": "org/reasoner"}, num_shards=1).write_shard(0, rows)
        return folder

    return write


def test_texts_of_several_datasets_are_joined(texts: Callable[..., Path]) -> None:
    rows = read_one_reasoners_texts([texts({}, {"image_id": "b"}), texts({"dataset": "spaq", "split": "validation"})])
    assert list(zip(rows["dataset"], rows["image_id"], strict=True)) == [
        ("biq2021", "a"), ("biq2021", "b"), ("spaq", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], r"no texts: give the texts folders"),
        ([[{}], [{"dataset": "spaq", "teacher": "org/other"}]], r"not one reasoner's texts: .*texts-\d by org/reasoner; "),
        ([[{}, {"image_id": "b", "teacher": "org/other"}]], r"by org/other, org/reasoner"),
        ([[{"teacher": "measured"}]], r"no reasoner's texts: the measured teacher grades each dataset by its own"),
        ([[{}], [{}]], r"a of biq2021 comes twice in .*: give each dataset's texts once"),
        ([[{"split": "validation"}]], r"no picture is for training"),
        ([[{"texts": []}]], r"a has no text"),
        ([[{"image": "/nowhere/a.png"}]], r"1 pictures of .* are not there, the first /nowhere/a\.png"),
    ],
)  # fmt: skip
def test_what_is_not_one_reasoners_texts_is_refused(
    folders: list[list[dict[str, Any]]], message: str, texts: Callable[..., Path]
) -> None:
    written = [texts(*rows) for rows in folders]
    with pytest.raises(ValueError, match=message):
        read_one_reasoners_texts(written)


@pytest.mark.parametrize("family", SEEING)
def test_each_text_is_learnt_up_to_the_answer_with_the_tokens_of_a_full_answer(
    family: str, tiny_reasoner: Callable[[str], Path]
) -> None:
    processor: Any = load_reasoner(str(tiny_reasoner(family))).processor
    rows, numbers = reasoning_rows(Dataset.from_dict({"texts": [["It is sharp. ", "Soft."], ["Noisy."]]}), processor)
    assert numbers == [0, 0, 1]
    assert "How good is the quality of this picture?" in rows[0]["prompt"]
    assert rows["prompt"][0].rstrip().endswith("assistant")
    assert len(set(rows["prompt"])) == 1
    for completion, text in zip(rows["completion"], ["It is sharp.", "Soft.", "Noisy."], strict=True):
        assert text in completion
        learnt = processor.tokenizer(completion)["input_ids"]
        full = processor.tokenizer(answered(text, 3)[0]["content"])["input_ids"]
        assert learnt == full[: len(learnt)]


def test_undegraded_pictures_are_described_anew(texts: Callable[..., Path]) -> None:
    copy = {"image_id": "a#jpeg-2", "degradation": "jpeg:2", "mos": None}
    rows = read_one_reasoners_texts([texts({}, copy), texts({"dataset": "spaq", "split": "validation", "mos": 71.0})])
    whole = described_pictures(rows)
    assert [(one.dataset, one.image_id, one.split, one.mos) for one in whole] == [
        ("biq2021", "a", "train", 0.5), ("spaq", "a", "validation", 71.0),
    ]  # fmt: skip
    assert all(Path(one.path).is_file() for one in whole)


def save(reasoner: Reasoner, folder: Path) -> str:
    reasoner.model.save_pretrained(folder)
    reasoner.processor.save_pretrained(folder)
    return str(folder)


def train(model: PreTrainedModel) -> None:
    """One step on whatever takes a gradient."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    torch.optim.SGD(parameters, lr=0.1).step()


@pytest.mark.parametrize("family", SEEING)
def test_vision_encoder_alone_changes(family: str, tiny_reasoner: Callable[[str], Path], tmp_path: Path) -> None:
    name = str(tiny_reasoner(family))
    before, trained = load_reasoner(name).model, load_reasoner(name)
    after = trained.model
    assert changed_weights(before, after) == []
    train_vision_encoder_alone(after)
    train(after)
    inside = vision_tower(after) + "."
    parameters = {name for name, _ in after.named_parameters() if name.startswith(inside)}
    assert parameters and set(changed_weights(before, after)) == parameters
    check_rest_unchanged(name, save(trained, tmp_path))


@pytest.mark.parametrize("part", ["embed_tokens", "lm_head", "multi_modal_projector"])
def test_any_other_weight_that_changed_is_named(
    part: str, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    reasoner = load_reasoner(str(tiny_reasoner("llava")))
    parameter = next(value for name, value in reasoner.model.named_parameters() if part in name)
    with torch.no_grad():
        parameter.view(-1)[-1] += 1e-3
    with pytest.raises(ValueError, match=rf"but 1 other weights are not those of .*, the first \S*{part}\S*:"):
        check_rest_unchanged(str(tiny_reasoner("llava")), save(reasoner, tmp_path))


def test_weights_that_are_rounded_for_training_count_as_unchanged(
    tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    rounded = {"dtype": "bfloat16"}
    saved = save(load_reasoner(str(tiny_reasoner("llava")), rounded), tmp_path)
    check_rest_unchanged(str(tiny_reasoner("llava")), saved, rounded)


def test_model_without_eyes_has_no_vision_encoder(tiny_reasoner: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match="LlamaForCausalLM has no vision encoder of its own to train"):
        train_vision_encoder_alone(load_reasoner(str(tiny_reasoner("llama"))).model)

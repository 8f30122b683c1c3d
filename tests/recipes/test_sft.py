"""The recipe of supervised fine-tuning, as a user starts it, on tiny models of the real architectures."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from modeling_rali.reasoning.texts import TextsFolder
from tests.tiny_benchmark import save_biq2021

from .conftest import RECIPES, SIZES

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two texts for each of ten pictures to train on and two for validation."""
    pictures = save_biq2021(tmp_path_factory.mktemp("benchmark"), train=10, validation=2)[0] / "Images"
    folder = tmp_path_factory.mktemp("texts")
    rows = [
        {
            "image": str(pictures / f"ss{number}.jpg"),
            "image_id": f"ss{number}.jpg",
            "source_id": f"ss{number}.jpg",
            "group": str(number),
            "dataset": "biq2021",
            "split": "train" if number < 10 else "validation",
            "mos": 0.5,
            "quality": 0.5,
            "degradation": None,
            "texts": ["It is sharp.", "It is soft."],
            "ratings": [4.0, None],
            "teacher": "a person",
            "seeds": [0, 1],
        }
        for number in range(12)
    ]
    TextsFolder(folder, {"teacher": "a person"}, num_shards=1).write_shard(0, rows)
    return folder


@pytest.fixture
def sft(train: Run, texts: Path) -> Run:
    """Run the recipe with a YAML file and changes to it on the few texts; give the trainer's log."""
    short = {"texts": str(texts), "eval_strategy": "steps", "save_strategy": "steps", "save_steps": 1}
    return lambda config, output, **changes: train("sft", config, output, **short | changes)


TRIED = [("default", "qwen2_5_vl"), ("default", "idefics3"), ("default", "llava"), ("smollm2-measured", "llama")]
"""YAML file and family."""


def test_all_configs_are_tried_here() -> None:
    assert {path.stem for path in (RECIPES / "configs" / "sft").glob("*.yaml")} == {config for config, _ in TRIED}


@pytest.mark.parametrize(("config", "family"), TRIED)
def test_config_trains_its_family(
    config: str, family: str, sft: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    log = sft(config, tmp_path / "run", model=str(tiny_reasoner(family)), processor_options=SIZES.get(family, {}))
    assert all(entry["grad_norm"] > 0 for entry in log if "loss" in entry)
    assert any("eval_loss" in entry for entry in log)
    saved = {path.name for path in (tmp_path / "run").iterdir()}
    assert ("grading.json" in saved) == (family == "llama")
    assert ("adapter_config.json" in saved) == (config == "default")  # the other tunes the whole model


def test_texts_are_learnt_and_a_killed_run_goes_on_to_the_same_end(
    sft: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    changes = {
        "model": str(tiny_reasoner("llava")),
        "lora": None,
        "learning_rate": 1e-2,
        "max_steps": 6,
        "save_steps": 3,
    }
    log = sft("default", tmp_path / "whole", **changes)
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < 0.9 * losses[0]
    shutil.copytree(tmp_path / "whole" / "checkpoint-3", tmp_path / "killed" / "checkpoint-3")
    assert sft("default", tmp_path / "killed", **changes)[-2]["eval_loss"] == log[-2]["eval_loss"]
    ends = [load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed")]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])

    weights = tmp_path / "killed" / "model.safetensors"
    trained = weights.stat().st_mtime_ns
    sft("default", tmp_path / "killed", **changes)
    assert weights.stat().st_mtime_ns == trained  # what is done is left alone
    with pytest.raises(SystemExit, match=r"holds a run with other settings \(learning_rate\)"):
        sft("default", tmp_path / "killed", **changes | {"learning_rate": 1e-3})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"pass --texts, a folder of recipes/describe\.py"),
        (["--texts", "TEXTS", "--config", "NO_MODEL"], r"pass --model FOLDER or Hub id"),
        (["--texts", "TEXTS", "--model", "no/where/at-all"], r"--model no/where/at-all cannot be loaded"),
        (["--texts", "EMPTY", "--model", "MODEL"], r"has no texts\.json"),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(
    arguments: list[str],
    message: str,
    run: Callable[..., str],
    texts: Path,
    tiny_reasoner: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "no-model.yaml").write_text("use_cpu: true\nbf16: false\n")
    places = {
        "TEXTS": texts,
        "EMPTY": tmp_path,
        "MODEL": tiny_reasoner("llava"),
        "NO_MODEL": tmp_path / "no-model.yaml",
    }
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        run("sft.py", *(places.get(text, text) for text in arguments), "--use_cpu", "true", "--bf16", "false")
    assert {path.name for path in tmp_path.iterdir()} == {"no-model.yaml"}

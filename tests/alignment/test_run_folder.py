"""The folder of a run goes on only with what it was begun with, and shows a result only once it is whole."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainingArguments

from modeling_rali import RaliModel
from modeling_rali.alignment.run_folder import FACTS_FILE, RunFolder

from .processes import in_processes

SETTINGS = {"texts": "4f1a", "learning_rate": 1e-4, "lora": {"r": 2}, "crop_size": None}


def test_equal_settings_go_on_and_others_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    RunFolder(folder, SETTINGS)
    written = [path.stat().st_mtime_ns for path in folder.iterdir()]
    RunFolder(folder, dict(reversed(SETTINGS.items())))
    with pytest.raises(
        ValueError, match=r"runs/one: .* other settings \(learning_rate, lora\): give another output_dir"
    ):
        RunFolder(folder, SETTINGS | {"learning_rate": 1e-3, "lora": {"r": 4}})
    with pytest.raises(ValueError, match=r"\(new\)"):
        RunFolder(folder, SETTINGS | {"new": 1})
    with pytest.raises(ValueError, match=r"\(lora\)"):
        RunFolder(folder, {name: value for name, value in SETTINGS.items() if name != "lora"})
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == written


def test_texts_that_were_made_anew_are_not_gone_on_with(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=r"other settings \(texts\)"):
        RunFolder(tmp_path, SETTINGS | {"texts": "77c0"})


def test_settings_that_were_cut_short_are_written_anew(tmp_path: Path) -> None:
    (tmp_path / ".settings.json.draft").write_text('{"texts": "4f')
    RunFolder(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match="learning_rate"):
        RunFolder(tmp_path, SETTINGS | {"learning_rate": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_the_result_is_there_only_once_it_is_whole(tiny_clip: RaliModel, tmp_path: Path) -> None:
    run = RunFolder(tmp_path, SETTINGS)
    unwritable: dict[str, Any] = {"history": {1, 2}}
    with pytest.raises(TypeError, match="set"):
        run.finish(tiny_clip, unwritable)
    assert not run.result.exists()
    (tmp_path / "aligned.partial" / "model-00007.safetensors").write_bytes(b"of a run that was cut short")

    run.finish(tiny_clip, {"history": [1, 2]})
    assert run.result == tmp_path / "aligned"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aligned", "settings.json"]
    assert not list(run.result.glob("model-0*"))
    assert json.loads((run.result / FACTS_FILE).read_text()) == {"history": [1, 2]}
    saved = RaliModel.from_pretrained(run.result).state_dict()
    for name, tensor in tiny_clip.state_dict().items():
        assert torch.equal(saved[name], tensor), name


def begun_twice(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    """How many processes begin a run as the recipe does, its settings, and why it is not one with others."""
    training = TrainingArguments(output_dir=str(folder), use_cpu=True)
    with training.main_process_first():
        run = RunFolder(folder, first)
    with pytest.raises(ValueError) as refused, training.main_process_first():
        RunFolder(folder, second)
    return training.world_size, run.settings, str(refused.value)


def test_processes_begin_a_run_together_and_are_refused_together(tmp_path: Path) -> None:
    for processes, settings, refused in in_processes(2, begun_twice, tmp_path, SETTINGS, SETTINGS | {"crop_size": 224}):
        assert (processes, settings) == (2, SETTINGS)
        assert "other settings (crop_size)" in refused

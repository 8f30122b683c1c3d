"""What a run depends on is told apart from where and how it goes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from modeling_rali.run_settings import SETTINGS_FILE, hold_to_settings, run_settings


@dataclass
class Arguments:
    texts: Path = Path("texts")
    cache: str = "here"
    weights: list[float] = field(default_factory=lambda: [0.5, 1.0])


def settings(folder: Path, arguments: Arguments | None = None, **others: Any) -> dict[str, Any]:
    training = TrainingArguments(output_dir=str(folder), use_cpu=True, **{"report_to": "none"} | others)
    return run_settings(arguments or Arguments(), training, left_out=["cache"], texts="4f1a")


def test_settings_are_what_the_result_depends_on(tmp_path: Path) -> None:
    here = settings(tmp_path / "a")
    assert here == settings(tmp_path / "b", arguments=Arguments(Path("elsewhere"), "there"))
    assert here["texts"] == "4f1a"
    assert here["weights"] == [0.5, 1.0]
    assert here["num_processes"] == 1
    assert here != settings(tmp_path / "a", arguments=Arguments(weights=[1.0, 1.0]))
    how: dict[str, Any] = {"report_to": "tensorboard", "logging_steps": 7, "hub_model_id": "a/b", "save_total_limit": 9}
    assert here == settings(tmp_path / "a", **how, dataloader_num_workers=2, run_name="again")


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    hold_to_settings(tmp_path / "run", settings(tmp_path / "run"))
    hold_to_settings(tmp_path / "run", settings(tmp_path / "run"))
    other = settings(tmp_path / "run", learning_rate=1.0)
    with pytest.raises(ValueError, match=r"run: holds a run with other settings \(learning_rate\)"):
        hold_to_settings(tmp_path / "run", other)
    hold_to_settings(tmp_path / "run", other, begun=False)
    hold_to_settings(tmp_path / "run", other)


def test_what_is_no_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    here = settings(tmp_path)
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(here | {"push_to_hub": True, "hub_token": "?"}))
    hold_to_settings(tmp_path, here)

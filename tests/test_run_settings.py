"""What a run depends on is told apart from where and how it goes."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from transformers import TrainingArguments

from modeling_rali.run_settings import hold_to_settings, run_settings


@dataclass
class Arguments:
    texts: Path = Path("texts")
    cache: str = "here"
    weights: list[float] = field(default_factory=lambda: [0.5, 1.0])


def settings(folder: Path, rate: float = 1e-3, arguments: Arguments | None = None) -> dict[str, object]:
    training = TrainingArguments(output_dir=str(folder), learning_rate=rate, use_cpu=True, report_to="none")
    return run_settings(arguments or Arguments(), training, left_out=["cache"], texts="4f1a")


def test_settings_are_what_the_result_depends_on(tmp_path: Path) -> None:
    here = settings(tmp_path / "a")
    assert here == settings(tmp_path / "b", arguments=Arguments(Path("elsewhere"), "there"))
    assert here["texts"] == "4f1a"
    assert here["weights"] == [0.5, 1.0]
    assert here["num_processes"] == 1
    assert here != settings(tmp_path / "a", arguments=Arguments(weights=[1.0, 1.0]))


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    hold_to_settings(tmp_path / "run", settings(tmp_path / "run"))
    hold_to_settings(tmp_path / "run", settings(tmp_path / "run"))
    with pytest.raises(ValueError, match=r"run: holds a run with other settings \(learning_rate\)"):
        hold_to_settings(tmp_path / "run", settings(tmp_path / "run", rate=1.0))

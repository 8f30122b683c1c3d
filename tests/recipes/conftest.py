"""Recipes run as a user runs them."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {
    "use_cpu": True,
    "bf16": False,
    "model_options": {"dtype": "float32"},
    "processor_options": {},
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "eval_steps": 2,
    "logging_steps": 1,
    "disable_tqdm": True,
}
"""What makes a run small that trains a reasoner, over what any YAML file says."""

SIZES: dict[str, dict[str, Any]] = {
    "qwen2_5_vl": {"size": {"shortest_edge": 3136, "longest_edge": 7056}},
    "qwen3_vl": {"size": {"shortest_edge": 4096, "longest_edge": 9216}},
    "idefics3": {"size": {"longest_edge": 64}},
}
"""What makes the pictures of a family small; those of the others are."""


def save_small(file: Path, recipe: str, config: str, **changes: Any) -> None:
    """Write what makes one of a recipe's YAML files small, and changes to it, to a YAML file of its own."""
    own = yaml.safe_load((RECIPES / "configs" / recipe / f"{config}.yaml").read_text())
    file.write_text(yaml.safe_dump(own | SMALL | changes))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a recipe as `python recipes/NAME ARGUMENTS` would, and give what it prints."""

    def run_recipe(recipe: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        runpy.run_path(str(RECIPES / recipe), run_name="__main__")
        return " ".join(capsys.readouterr().out.split())

    return run_recipe


@pytest.fixture
def train(run: Callable[..., str], tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Run a recipe that trains a reasoner, with one of its YAML files and changes to it, small; give the trainer's log."""

    def train_recipe(recipe: str, config: str, output: Path, **changes: Any) -> list[dict[str, Any]]:
        save_small(tmp_path / "config.yaml", recipe, config, **changes | {"output_dir": str(output)})
        run(f"{recipe}.py", "--config", tmp_path / "config.yaml")
        return json.loads((output / "trainer_state.json").read_text())["log_history"]

    return train_recipe

"""Recipes run as a user runs them."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a recipe as `python recipes/NAME ARGUMENTS` would, and give what it prints."""

    def run_recipe(recipe: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        runpy.run_path(str(RECIPES / recipe), run_name="__main__")
        return " ".join(capsys.readouterr().out.split())

    return run_recipe

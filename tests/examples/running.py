"""Running an example as a user does."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def scores_of(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> list[tuple[float, float]]:
    """Run docs/examples/NAME.py; what it prints as "score BEFORE → AFTER", line by line."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = re.findall(r"score ([\d.]+) → ([\d.]+)", capsys.readouterr().out)
    return [(float(before), float(after)) for before, after in printed]

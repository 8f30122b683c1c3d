"""What transformers' Trainer leaves in its output folder."""

import json
from pathlib import Path


def last_checkpoint(output_dir: str | Path) -> str | None:
    """The latest whole checkpoint that the trainer left in `output_dir`, or None.

    The trainer writes `trainer_state.json` last: without it, or with half of it, a checkpoint was cut short.
    """
    found = sorted(Path(output_dir).glob("checkpoint-*"), key=lambda folder: int(folder.name.rpartition("-")[2]))
    return next((str(folder) for folder in reversed(found) if _is_whole(folder)), None)


def is_finished(output_dir: str | Path) -> bool:
    """Whether a recipe trained to its end there: after the model, it saves the trainer's state last."""
    return _is_whole(Path(output_dir))


def _is_whole(folder: Path) -> bool:
    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return True

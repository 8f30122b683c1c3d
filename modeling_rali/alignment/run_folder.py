"""The folder of a run: what it was begun with, where it stands, and what came out."""

import json
import shutil
from pathlib import Path
from typing import Any

from ..modeling_rali import RaliModel
from ..run_settings import hold_to_settings

RESULT = "aligned"
FACTS_FILE = "alignment.json"


def read_alignment(checkpoint: Path) -> dict[str, Any]:
    """The facts that lie beside an aligned checkpoint.

    Raises:
        ValueError: if there are none: it is not a checkpoint of an alignment.
    """
    file = checkpoint / FACTS_FILE
    if not file.is_file():
        raise ValueError(f"{checkpoint}: has no {FACTS_FILE}: give the folder {RESULT} that recipes/align.py wrote.")
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return facts


class RunFolder:
    """A folder that one run writes to, and goes on in after an interruption."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Begin a run, or find the one that was begun.

        Args:
            folder: made where it is not there.
            settings: all that the result depends on, as JSON can hold it.

        Raises:
            ValueError: if the folder holds a run with other settings; the message names those that differ.
        """
        self.folder = folder
        self.settings = settings
        hold_to_settings(folder, settings)

    @property
    def result(self) -> Path:
        """The finished checkpoint; there only once it is whole."""
        return self.folder / RESULT

    def finish(self, model: RaliModel, facts: dict[str, Any]) -> None:
        """Write the checkpoint and the facts of its making, whole or not at all."""
        partial = self.result.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        (partial / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        partial.rename(self.result)

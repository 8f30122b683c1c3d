"""Measured attributes as the prompt of a language model that sees no picture."""

import json
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers.utils import cached_file

from ..replacing import write_text
from . import wording
from .attributes import Attributes, measure
from .measured_teacher import Grading
from .stored_pictures import read_stored, undecoded

GRADING_FILE = "grading.json"
"""Beside the weights of a model that reads measures: the grades it was trained with."""


def measures_text(measured: Attributes, grading: Grading) -> str:
    """The grade of each attribute among the training pictures in words, each of which has its own; clipping; size."""
    words = [wording.ATTRIBUTES[name][grade][0] for name, grade in grading.grades(measured).items()]
    clipped = f"{measured.dark:.0%} clipped to black and {measured.burnt:.0%} to white"
    return "; ".join([*words, clipped, f"{measured.megapixels:.1f} megapixels"])


def measure_pictures(pictures: Dataset) -> list[Attributes]:
    """The attributes of each picture of the column image, with progress; those of a benchmark stay in the cache of `datasets`."""
    rows = undecoded(pictures).map(_measure, input_columns="image", remove_columns="image", desc="Measuring pictures")
    return [Attributes(**row) for row in rows]


def _measure(stored: dict[str, Any]) -> dict[str, float]:
    return measure(read_stored(stored))._asdict()


def save_grading(grading: Grading, folder: str | Path) -> None:
    """Write the grades beside the weights of the model that was trained with them."""
    write_text(Path(folder) / GRADING_FILE, json.dumps(grading.as_json(), indent=2) + "\n")


def read_grading(model: str) -> Grading | None:
    """The grades that a model, folder or Hub id, was trained with; None where it was trained with none.

    Raises:
        ValueError: the file of the grades is not one.
    """
    path = cached_file(model, GRADING_FILE, _raise_exceptions_for_missing_entries=False)
    if path is None:
        return None
    try:
        edges: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))["edges"]
        return Grading({name: tuple(map(float, edges[name])) for name in wording.ATTRIBUTES})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no grades ({error!r}): train the model again with recipes/sft.py") from error

"""Measured attributes as the prompt of a language model that sees no picture."""

import json
from pathlib import Path
from typing import Any

import PIL.Image
from datasets import Dataset
from transformers.utils import cached_file

from . import wording
from .attributes import Attributes, measure
from .measured_teacher import Grading

GRADING_FILE = "grading.json"
"""Beside the weights of a model that reads measures: the grades it was trained with."""


def measures_text(measured: Attributes, grading: Grading) -> str:
    """A line for each attribute: its grade among the training pictures, from 1 to 5, in words and as a number."""
    grades = grading.grades(measured)
    lines = [f"- {name}: {wording.ATTRIBUTES[name][grade][0]} ({grade + 1} of 5)" for name, grade in grades.items()]
    clipped = f"- clipped: {measured.dark:.0%} of the pixels to black, {measured.burnt:.0%} to white"
    return "\n".join([*lines, clipped, f"- size: {measured.megapixels:.1f} megapixels"])


def measure_pictures(pictures: Dataset) -> list[Attributes]:
    """The attributes of each picture of the column image; kept in the cache of `datasets`, with progress."""
    rows = pictures.select_columns("image").map(
        _measure, input_columns="image", remove_columns="image", desc="Measuring pictures"
    )
    return [Attributes(**row) for row in rows]


def _measure(image: PIL.Image.Image) -> dict[str, float]:
    return measure(image.convert("RGB"))._asdict()


def save_grading(grading: Grading, folder: str | Path) -> None:
    """Write the grades beside the weights of the model that was trained with them."""
    written = Path(folder) / GRADING_FILE
    partial = written.with_suffix(".partial")
    partial.write_text(json.dumps(grading.as_json(), indent=2) + "\n", encoding="utf-8")
    partial.replace(written)


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

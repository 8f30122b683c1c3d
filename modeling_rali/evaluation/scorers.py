"""What is evaluated: a model or a baseline, by the name that a user gives."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from transformers.utils import cached_file

from ..hub import TRAINING_FILE
from ..inference import MAX_PIXELS, Result, load_model, score_rows
from ..modeling_rali import RaliModel
from .baselines import laplacian, load_brisque, score_with

DEFAULT_MODEL = "rali-nano"
"""Name of the checkpoint that ships with the package."""


@dataclass(frozen=True)
class Scorer:
    """A model or a baseline.

    Args:
        name: as the user gives it.
        fingerprint: differs where scores would: a hash of weights and configuration, or a baseline and its version.
        trained_on: the set it learnt from, as its checkpoint says; `None` where that is not known, or nothing was learnt.
        score: rows of (name, path) → a result for each, in order; higher scores are better.
    """

    name: str
    fingerprint: str
    trained_on: str | None
    score: Callable[[Iterable[tuple[str, str]]], Generator[Result]]


def open_scorer(
    name: str = DEFAULT_MODEL,
    *,
    batch_size: int | None = None,
    device: str = "auto",
    dtype: str = "auto",
    max_pixels: int = MAX_PIXELS,
) -> Scorer:
    """Load what `name` says, ready to score.

    Args:
        name: "rali-nano" for the checkpoint that ships with the package; "brisque" or "laplacian", see `baselines`;
            else a checkpoint's folder or a model on the Hub. A folder of one of the three names is written "./brisque".
        batch_size: see `inference.score_rows`; of no concern to a baseline, as are the next two.
        device: see `inference.find_device`.
        dtype: see `inference.load_model`.
        max_pixels: see `inference.score_rows`.

    Raises:
        ModelLoadError: if it cannot be loaded; the message says why.
        ValueError: for a device that is not there.
    """
    if name == "laplacian":
        return Scorer(name, name, None, partial(score_with, laplacian, max_pixels=max_pixels))
    if name == "brisque":
        score = partial(score_with, load_brisque(), max_pixels=max_pixels)
        return Scorer(name, f"brisque {version('brisque')}", None, score)
    model = load_model(None if name == DEFAULT_MODEL else name, device=device, dtype=dtype)
    return Scorer(
        name,
        fingerprint(model),
        _trained_on(model),
        partial(score_rows, model, batch_size=batch_size, max_pixels=max_pixels),
    )


def fingerprint(model: RaliModel) -> str:
    """Sixteen hexadecimal digits that differ with the model's tensors, their number type and its configuration."""
    config = model.config.to_dict()
    for name in ("_name_or_path", "transformers_version"):  # neither changes a score
        config.pop(name, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _trained_on(model: RaliModel) -> str | None:
    file = cached_file(
        str(model.name_or_path),
        TRAINING_FILE,
        revision=getattr(model.config, "_commit_hash", None),
        _raise_exceptions_for_missing_entries=False,
    )
    if file is None:
        return None
    dataset = json.loads(Path(file).read_text(encoding="utf-8")).get("dataset")
    return None if dataset is None else str(dataset)

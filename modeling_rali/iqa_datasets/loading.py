"""`load_iqa_dataset`: a benchmark's folder as a `datasets` dataset."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, overload

from datasets import Dataset, Features, Image, IterableDataset, NamedSplit, Value

from .benchmark import Benchmark, IQADatasetError, Record
from .folders import MISSING, LabelledFolder, name_some, read_folder

OPTIONAL = {
    "mos_std": Value("float64"),
    "reference": Value("string"),
    "distortion": Value("string"),
    "level": Value("int64"),
    "prompt": Value("string"),
    "generator": Value("string"),
}
SHARDS = 16  # as many processes can generate, or data loader workers stream, one dataset


class MissingPicturesWarning(UserWarning):
    """Labels were left out for lack of their picture; `images` are the names of all of them."""

    def __init__(self, message: str, images: tuple[str, ...]) -> None:
        super().__init__(message)
        self.images = images


def features_of(benchmark: Benchmark) -> Features:
    """The columns of a set: five that all sets have, and those of `OPTIONAL` that this one has values for.

    `image` is a path until it is read. `mos` and `mos_std` keep the owners' scale and direction. `quality` is in
    [0, 1], higher is better. `group` is the reference, prompt or scene; null where the set names none.
    """
    return Features(
        image=Image(),
        image_id=Value("string"),
        mos=Value("float64"),
        quality=Value("float64"),
        group=Value("string"),
        **{name: value for name, value in OPTIONAL.items() if name in benchmark.columns},
    )


@overload
def load_iqa_dataset(
    name: str,
    data_dir: str | Path,
    split: str | None = ...,
    *,
    streaming: Literal[False] = ...,
    num_proc: int | None = ...,
    allow_missing: bool = ...,
    scale: tuple[float, float] | None = ...,
    seed: int = ...,
) -> Dataset: ...
@overload
def load_iqa_dataset(
    name: str,
    data_dir: str | Path,
    split: str | None = ...,
    *,
    streaming: Literal[True],
    num_proc: int | None = ...,
    allow_missing: bool = ...,
    scale: tuple[float, float] | None = ...,
    seed: int = ...,
) -> IterableDataset: ...
def load_iqa_dataset(
    name: str,
    data_dir: str | Path,
    split: str | None = None,
    *,
    streaming: bool = False,
    num_proc: int | None = None,
    allow_missing: bool = False,
    scale: tuple[float, float] | None = None,
    seed: int = 0,
) -> Dataset | IterableDataset:
    """Load the set `name` from the folder its owners' archive unpacks to.

    `split` is "train", "validation" or "test" as the owners define them; where they define none, 70, 10 and 20 % of
    the groups by a hash with `seed` (`splits.hashed_split`), no group in two of them. None or "all" is everything.
    `scale` is (worst, best), for a plain folder without a sidecar. The columns are those of `features_of`.

    Every picture's presence is verified, none is opened. A label without a picture is an error; with `allow_missing`
    it is left out, which a MissingPicturesWarning and the dataset's `info.description` tell. Pictures without a label
    give a warning. The Arrow file, of paths and scores, goes to the cache of `datasets` under a hash of every row, so
    that a changed label file or folder is never answered from it.

    Raises IQADatasetError for a wrong or incomplete folder, an unreadable label file, a score off the set's scale, a
    picture labelled twice, an unknown set, or a split that is not there.
    """
    if num_proc is not None and streaming:
        raise ValueError("num_proc generates the Arrow file, which streaming does without: pass one of the two")
    folder = read_folder(name, data_dir, scale=scale, seed=seed)
    raise_for_problems(folder, allow_missing)
    pictures, missing = select_split(folder, split)
    title = f"{folder.benchmark.title}, {split or 'all'}, from {folder.data_dir}"
    description = f"{title}: {len(pictures):,} pictures."
    if missing:
        images = tuple(record.image for record in missing)
        lost = f"labels left out for lack of their picture ({len(missing):,}): {name_some(images)}"
        description += f" {lost[0].upper()}{lost[1:]}."
        warnings.warn(MissingPicturesWarning(f"{title}: {lost}", images), stacklevel=2)
    if folder.unlabelled:
        names = name_some(folder.unlabelled)
        warnings.warn(f"{title}: pictures without a label ({len(folder.unlabelled):,}): {names}", stacklevel=2)

    generate: dict[str, Any] = {
        "generator": _rows,
        "features": features_of(folder.benchmark),
        "gen_kwargs": {"shards": _shards(folder.benchmark, pictures)},
        "split": NamedSplit("whole" if split in (None, "all") else split),  # `datasets` keeps "all" for itself
    }
    dataset: Dataset | IterableDataset = (
        IterableDataset.from_generator(**generate)
        if streaming
        else Dataset.from_generator(**generate, num_proc=num_proc)
    )
    dataset.info.description = description
    dataset.info.homepage = folder.benchmark.homepage
    dataset.info.license = folder.benchmark.licence
    dataset.info.citation = folder.benchmark.citation
    return dataset


def raise_for_problems(folder: LabelledFolder, allow_missing: bool) -> None:
    problems = folder.problems
    if allow_missing:
        problems.pop(MISSING, None)
    if problems:
        lines = [f"{what} ({len(names):,}): {name_some(names)}" for what, names in problems.items()]
        advice = f"`rali datasets {folder.benchmark.name} --data-dir …` lists all"
        if folder.missing and not allow_missing:
            advice += "; allow_missing=True goes on without the pictures that are missing"
        raise IQADatasetError(f"{folder.data_dir}: " + "; ".join(lines) + f". {advice}")


def select_split(folder: LabelledFolder, split: str | None) -> tuple[list[tuple[Record, str]], list[Record]]:
    """The pictures of a split, and the records of it that lack theirs."""
    if split in (None, "all"):
        return list(folder.pictures), list(folder.missing)
    pictures = [pair for pair in folder.pictures if pair[0].split == split]
    if not pictures:
        there = sorted({record.split for record, _ in folder.pictures if record.split is not None})
        message = f"{folder.data_dir} has no picture in the split {split!r}; there are {', '.join([*there, 'all'])}"
        if not there and folder.benchmark.official_splits:
            message += (
                f" (its label file does not tell the official split of {folder.benchmark.title}, and one of ours would "
                f"mix it up; the files that do: {folder.benchmark.layout.splitlines()[0]})"
            )
        raise IQADatasetError(message)
    return pictures, [record for record in folder.missing if record.split == split]


def _shards(benchmark: Benchmark, pictures: list[tuple[Record, str]]) -> list[str]:
    """The rows as up to SHARDS JSON texts in order.

    `datasets` hashes what it is given for the cache's key, object by object: 23 200 rows as dictionaries take it a
    second, as texts a few milliseconds.
    """
    names = [name for name in OPTIONAL if name in benchmark.columns]
    rows = [
        {
            "image": path,
            "image_id": record.image,
            "mos": record.mos,
            "quality": min(max(benchmark.quality(record), 0.0), 1.0),
            "group": record.group,
            **{name: getattr(record, name) for name in names},
        }
        for record, path in pictures
    ]
    size = -(-len(rows) // SHARDS)
    return [json.dumps(rows[start : start + size]) for start in range(0, len(rows), size)]


def _rows(shards: list[str]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        yield from json.loads(shard)

"""A plain folder of pictures with one CSV of scores: anybody's own set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, read_csv
from .splits import SPLITS

NAME_COLUMNS = ("image", "path", "filename")


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read the folder's one CSV: image (or path, or filename), mos, and if given std, group and split."""
    path = _the_csv(data_dir)
    for place, row in read_csv(path, "mos"):
        names = [row[column] for column in NAME_COLUMNS if row.get(column)]
        if len(names) != 1:
            raise IQADatasetError(f"{place}: give the picture's path in one column image, path or filename")
        split = row.get("split")
        if split is not None and split not in SPLITS:
            raise IQADatasetError(f"{place}: the split {split!r} is none of {', '.join(SPLITS)}")
        yield Record(
            image=Path(names[0]).as_posix(),
            mos=number(row["mos"], place),
            mos_std=number(row["std"], place) if row.get("std") else None,
            group=row.get("group") or None,
            split=split,
        )


def read_scale(data_dir: Path) -> tuple[float, float] | None:
    """(worst, best) from {"worst": 1, "best": 5} in a .json file of the CSV's name beside it; None if there is none."""
    path = _the_csv(data_dir).with_suffix(".json")
    if not path.exists():
        return None
    try:
        scale = json.loads(path.read_text(encoding="utf-8"))
        return float(scale["worst"]), float(scale["best"])
    except (ValueError, KeyError, TypeError) as error:
        raise IQADatasetError(f'{path} is not of the form {{"worst": 1, "best": 5}}: {error!r}') from error


def _the_csv(data_dir: Path) -> Path:
    files = sorted(data_dir.glob("*.csv"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise IQADatasetError(f"{data_dir} must hold one .csv file with the scores; it holds {found}")
    return files[0]


SCORED_FOLDER = Benchmark(
    name="folder",
    title="a folder with a CSV",
    kind="your own pictures",
    images=None,
    scale=None,
    score="as scores.json says",
    licence="yours to know",
    licence_id="unknown",
    redistributable=True,
    homepage="",
    layout="scores.csv: image (or path, filename), mos, and if known std, group, split\nscores.json\nthe pictures",
    citation="",
    image_folders=((".",),),
    read_labels=read_labels,
    columns=("mos_std",),
    grouped_by="group",
    note='scores.json, beside scores.csv and named after it, gives the scale: {"worst": 1, "best": 5}',
)

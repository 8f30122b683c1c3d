"""KonIQ-10k: photographs of YFCC100M with crowd-sourced scores and an official split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import find, number, read_csv, require

WITH_SPLIT = "koniq10k_distributions_sets.csv"
WITHOUT_SPLIT = "koniq10k_scores_and_distributions.csv"
SPLITS = {"training": "train", "validation": "validation", "test": "test"}


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read the CSV with the official split if it is there, else the older one, whose 0–100 score is MOS_zscore."""
    path = require(data_dir, WITH_SPLIT, WITHOUT_SPLIT)
    with_split = path == find(data_dir, WITH_SPLIT)
    score = "MOS" if with_split else "MOS_zscore"
    required = ("image_name", score, "SD", *(["set"] if with_split else []))
    for place, row in read_csv(path, *required):
        if with_split and row["set"] not in SPLITS:
            raise IQADatasetError(f"{place}: the set {row['set']!r} is none of {', '.join(SPLITS)}")
        yield Record(
            image=row["image_name"],
            mos=number(row[score], place),
            mos_std=number(row["SD"], place),
            split=SPLITS[row["set"]] if with_split else None,
        )


KONIQ10K = Benchmark(
    name="koniq10k",
    title="KonIQ-10k",
    kind="photographs",
    images=10_073,
    scale=(0, 100),
    score="MOS 0–100",
    licence="none stated for the set; each picture has a Creative Commons licence of its own (YFCC100M)",
    licence_id="unknown",
    redistributable=False,
    homepage="https://database.mmsp-kn.de/koniq-10k-database.html",
    layout=f"{WITH_SPLIT}, or the older {WITHOUT_SPLIT} (no split)\n1024x768/*.jpg (taken if both are there) or 512x384/*.jpg",
    citation="""@article{hosu2020koniq,
  title   = {KonIQ-10k: An Ecologically Valid Database for Deep Learning of Blind Image Quality Assessment},
  author  = {Hosu, Vlad and Lin, Hanhe and Sziranyi, Tamas and Saupe, Dietmar},
  journal = {IEEE Transactions on Image Processing},
  volume  = {29},
  pages   = {4041--4056},
  year    = {2020}
}""",
    image_folders=(("1024x768",), ("512x384",)),
    read_labels=read_labels,
    columns=("mos_std",),
    note="mos_std is on the raters' 1–5 scale",
    official_splits={"train": 7058, "validation": 1000, "test": 2015},
)

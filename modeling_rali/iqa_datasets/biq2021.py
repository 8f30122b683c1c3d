"""BIQ2021: photographs with authentic distortions, scored in a laboratory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, Record
from .label_files import number, read_csv, require


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read both official CSVs, train first."""
    for split in ("train", "test"):
        path = require(data_dir, f"{split.capitalize()} (Images and MOS).csv")
        for place, row in read_csv(path, "Image Name", "MOS"):
            yield Record(image=row["Image Name"], mos=number(row["MOS"], place), split=split)


BIQ2021 = Benchmark(
    name="biq2021",
    title="BIQ2021",
    kind="photographs",
    images=12_000,
    scale=(0, 1),
    score="MOS 0–1",
    licence='no licence file; "freely available for use and benchmarking"',
    licence_id="unknown",
    redistributable=False,
    homepage="https://github.com/nisarahmedrana/BIQ2021",
    layout="Train (Images and MOS).csv, Test (Images and MOS).csv\nImages/*.jpg",
    citation="""@article{ahmed2022biq,
  title   = {BIQ2021: a large-scale blind image quality assessment database},
  author  = {Ahmed, Nisar and Asif, Shahzad},
  journal = {Journal of Electronic Imaging},
  volume  = {31},
  number  = {5},
  year    = {2022}
}""",
    image_folders=(("Images",),),
    read_labels=read_labels,
    official_splits={"train": 10_000, "test": 2_000},
    split_leaks="shots of one scene are on both sides of the official split, so its test figures flatter",
)

"""CSIQ: 30 references under six distortions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, read_xlsx, require

WORKBOOK, TEXT = "csiq.DMOS.xlsx", "csiq_label.txt"
# The workbook's word for a distortion, the one in file names; folders are the latter in lower case.
IN_FILE_NAMES = {
    "noise": "AWGN",
    "blur": "BLUR",
    "contrast": "contrast",
    "fnoise": "fnoise",
    "jpeg": "JPEG",
    "jpeg 2000": "jpeg2000",
}
DISTORTIONS = {
    "awgn": "white noise",
    "blur": "Gaussian blur",
    "contrast": "contrast decrease",
    "fnoise": "pink noise",
    "jpeg": "JPEG compression",
    "jpeg2000": "JPEG2000 compression",
}


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read the owners' workbook, or the text file "name dmos" that much code uses instead (it has no deviations)."""
    path = require(data_dir, WORKBOOK, TEXT)
    return _read_text(path) if path.suffix.lower() == ".txt" else _read_workbook(path)


def _read_workbook(path: Path) -> Iterator[Record]:
    required = ("image", "dst_type", "dst_lev", "dmos_std", "dmos")
    for place, row in read_xlsx(path, *required, sheet="all_by_image"):
        if row["dst_type"] not in IN_FILE_NAMES:
            raise IQADatasetError(f"{place}: unknown dst_type {row['dst_type']!r}")
        level = int(number(row["dst_lev"], place))
        name = f"{row['image']}.{IN_FILE_NAMES[row['dst_type']]}.{level}.png"
        yield _record(name, place, row["dmos"], row["dmos_std"])


def _read_text(path: Path) -> Iterator[Record]:
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            place = f"{path}, line {line_number}"
            words = line.split()
            if len(words) != 2:
                raise IQADatasetError(f"{place}: {line!r} is not of the form name dmos")
            yield _record(words[0].removesuffix(".png") + ".png", place, words[1], None)


def _record(name: str, place: str, dmos: str, std: str | None) -> Record:
    parts = re.fullmatch(r"(.+)\.(\w+)\.(\d)\.png", name)
    if parts is None or parts[2].lower() not in DISTORTIONS:
        raise IQADatasetError(f"{place}: {name!r} is not of the form reference.distortion.level.png")
    folder = parts[2].lower()
    return Record(
        image=f"{folder}/{name}",
        mos=number(dmos, place),
        mos_std=None if std is None else number(std, place),
        reference=parts[1],
        distortion=DISTORTIONS[folder],
        level=int(parts[3]),
        group=parts[1].lower(),
    )


CSIQ = Benchmark(
    name="csiq",
    title="CSIQ",
    kind="synthetic distortions",
    images=866,
    scale=(1, 0),
    score="DMOS 0–1, lower is better",
    licence="none stated",
    licence_id="unknown",
    redistributable=False,
    homepage="https://s2.smu.edu/~eclarson/csiq.html",
    layout=f"{WORKBOOK} or {TEXT}\ndst_imgs/{{{','.join(DISTORTIONS)}}}/*.png\nsrc_imgs/*.png",
    citation="""@article{larson2010csiq,
  title   = {Most Apparent Distortion: Full-Reference Image Quality Assessment and the Role of Strategy},
  author  = {Larson, Eric C. and Chandler, Damon M.},
  journal = {Journal of Electronic Imaging},
  volume  = {19},
  number  = {1},
  year    = {2010}
}""",
    image_folders=(("dst_imgs",),),
    read_labels=read_labels,
    columns=("mos_std", "reference", "distortion", "level"),
    grouped_by="reference",
)

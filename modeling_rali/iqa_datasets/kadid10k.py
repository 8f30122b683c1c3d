"""KADID-10k: 81 references, each under 25 distortions at 5 levels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, read_csv, require

DISTORTIONS = (
    "Gaussian blur",
    "lens blur",
    "motion blur",
    "colour diffusion",
    "colour shift",
    "colour quantization",
    "colour saturation in HSV",
    "colour saturation in Lab",
    "JPEG2000 compression",
    "JPEG compression",
    "white noise",
    "white noise in colour components",
    "impulse noise",
    "multiplicative noise",
    "denoising",
    "brightening",
    "darkening",
    "mean shift",
    "jitter",
    "non-eccentricity patches",
    "pixelation",
    "quantization",
    "colour blocks",
    "over-sharpening",
    "contrast change",
)


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read dmos.csv. A name Ixx_yy_zz.png says reference, distortion and level; "var" is the ratings' variance."""
    for place, row in read_csv(require(data_dir, "dmos.csv"), "dist_img", "ref_img", "dmos", "var"):
        parts = re.fullmatch(r"(I\d\d)_(\d\d)_(\d\d)\.png", row["dist_img"], re.IGNORECASE)
        if parts is None or not 1 <= int(parts[2]) <= len(DISTORTIONS):
            raise IQADatasetError(f"{place}: {row['dist_img']!r} is not a name of the form Ixx_yy_zz.png")
        reference, variance = parts[1].upper(), number(row["var"], place)
        yield Record(
            image=row["dist_img"],
            mos=number(row["dmos"], place),
            mos_std=math.sqrt(variance) if variance >= 0 else math.nan,
            reference=reference,
            distortion=DISTORTIONS[int(parts[2]) - 1],
            level=int(parts[3]),
            group=reference,
        )


KADID10K = Benchmark(
    name="kadid10k",
    title="KADID-10k",
    kind="synthetic distortions",
    images=10_125,
    scale=(1, 5),
    score="MOS 1–5",
    licence="none stated for the set; the references are Pixabay photographs",
    licence_id="unknown",
    redistributable=False,
    homepage="https://database.mmsp-kn.de/kadid-10k-database.html",
    layout="dmos.csv\nimages/Ixx_yy_zz.png, the references Ixx.png among them",
    citation="""@inproceedings{lin2019kadid,
  title     = {KADID-10k: A Large-scale Artificially Distorted IQA Database},
  author    = {Lin, Hanhe and Hosu, Vlad and Saupe, Dietmar},
  booktitle = {International Conference on Quality of Multimedia Experience (QoMEX)},
  year      = {2019}
}""",
    image_folders=(("images",),),
    read_labels=read_labels,
    columns=("mos_std", "reference", "distortion", "level"),
    unscored=("i[0-9][0-9].png",),
    grouped_by="reference",
    note='the owners call the score "dmos", yet higher is better',
)

"""PIPAL: outputs of image restoration, GANs among them, with Elo scores (the public training part)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, require

PARTS = tuple(f"Distortion_{part}" for part in (1, 2, 3, 4))


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read Train_Label/*.txt, one file a reference, lines "A0001_00_03.bmp,1437.1" (reference, distortion, number)."""
    folder = require(data_dir, "Train_Label")
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise IQADatasetError(f"{folder} holds no .txt file with scores")
    for file in files:
        for line_number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                place = f"{file}, line {line_number}"
                parts = re.fullmatch(r"(([^_,]+)_(\d+)_\d+\.\w+)\s*,\s*(\S+)\s*", line.strip())
                if parts is None:
                    raise IQADatasetError(f"{place}: {line!r} is not of the form A0001_00_00.bmp,1500.0")
                image, reference, distortion, elo = parts.groups()
                yield Record(
                    image=image,
                    mos=number(elo, place),
                    reference=reference,
                    distortion=distortion,
                    group=reference,
                )


PIPAL = Benchmark(
    name="pipal",
    title="PIPAL (training part)",
    kind="restoration and GAN outputs",
    images=23_200,
    scale=(900, 1900),
    score="Elo 900–1900",
    licence="none stated",
    licence_id="unknown",
    redistributable=False,
    homepage="https://www.jasongt.com/projectpages/pipal.html",
    layout="Train_Label/*.txt\nTrain_Dist/*.bmp, or Distortion_1/ … Distortion_4/ as the parts unpack\nTrain_Ref/*.bmp",
    citation="""@inproceedings{gu2020pipal,
  title     = {PIPAL: a Large-Scale Image Quality Assessment Dataset for Perceptual Image Restoration},
  author    = {Gu, Jinjin and Cai, Haoming and Chen, Haoyu and Ye, Xiaoxing and Ren, Jimmy S. and Dong, Chao},
  booktitle = {European Conference on Computer Vision},
  year      = {2020}
}""",
    image_folders=((*PARTS, *(f"Train_Dist/{part}" for part in PARTS), "Train_Dist"),),
    read_labels=read_labels,
    columns=("reference", "distortion"),
    grouped_by="reference",
    note="Elo has no bounds of its own: 900–1900 encloses the published scores, about 930–1835",
)

"""SPAQ: smartphone photographs scored in a laboratory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, Record
from .label_files import number, read_xlsx, require

LABELS = "MOS and Image attribute scores.xlsx"


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read the overall MOS of the workbook; its attribute scores, scene and EXIF sheets are not used."""
    for place, row in read_xlsx(require(data_dir, f"Annotations/{LABELS}"), "Image name", "MOS"):
        yield Record(image=row["Image name"], mos=number(row["MOS"], place))


SPAQ = Benchmark(
    name="spaq",
    title="SPAQ",
    kind="smartphone photographs",
    images=11_125,
    scale=(0, 100),
    score="MOS 0–100",
    licence="none stated",
    licence_id="unknown",
    redistributable=False,
    homepage="https://github.com/h4nwei/SPAQ",
    layout=f"Annotations/{LABELS}\nTestImage/*.jpg",
    citation="""@inproceedings{fang2020spaq,
  title     = {Perceptual Quality Assessment of Smartphone Photography},
  author    = {Fang, Yuming and Zhu, Hanwei and Zeng, Yan and Ma, Kede and Wang, Zhou},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  pages     = {3677--3686},
  year      = {2020}
}""",
    image_folders=(("TestImage",),),
    read_labels=read_labels,
)

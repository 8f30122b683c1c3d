"""TID2013: 25 references, each under 24 distortions at 5 levels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import find, number, require

DISTORTIONS = (
    "additive Gaussian noise",
    "noise stronger in colour components",
    "spatially correlated noise",
    "masked noise",
    "high frequency noise",
    "impulse noise",
    "quantization noise",
    "Gaussian blur",
    "denoising",
    "JPEG compression",
    "JPEG2000 compression",
    "JPEG transmission errors",
    "JPEG2000 transmission errors",
    "non-eccentricity pattern noise",
    "local blocks of different intensity",
    "mean shift",
    "contrast change",
    "colour saturation change",
    "multiplicative Gaussian noise",
    "comfort noise",
    "lossy compression of noisy images",
    "colour quantization with dither",
    "chromatic aberrations",
    "sparse sampling and reconstruction",
)


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read mos_with_names.txt, lines "5.51429 I01_01_1.bmp"; mos_std.txt, in the same order, may be absent."""
    path = require(data_dir, "mos_with_names.txt")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    std_path = find(data_dir, "mos_std.txt")
    deviations = [] if std_path is None else std_path.read_text(encoding="utf-8").split()
    if std_path is not None and len(deviations) != len(lines):
        raise IQADatasetError(f"{std_path} has {len(deviations)} values, {path} has {len(lines)}")
    for index, line in enumerate(lines):
        place = f"{path}, line {index + 1}"
        parts = re.fullmatch(r"(\S+)\s+((i\d\d)_(\d\d)_(\d)\.bmp)", line.strip(), re.IGNORECASE)
        if parts is None or not 1 <= int(parts[4]) <= len(DISTORTIONS):
            raise IQADatasetError(f"{place}: {line!r} is not of the form 5.51429 I01_01_1.bmp")
        reference = parts[3].upper()  # the owners write both i01 and I01
        yield Record(
            image=parts[2],
            mos=number(parts[1], place),
            mos_std=number(deviations[index], f"{std_path}, value {index + 1}") if deviations else None,
            reference=reference,
            distortion=DISTORTIONS[int(parts[4]) - 1],
            level=int(parts[5]),
            group=reference,
        )


TID2013 = Benchmark(
    name="tid2013",
    title="TID2013",
    kind="synthetic distortions",
    images=3_000,
    scale=(0, 9),
    score="MOS 0–9",
    licence="none stated",
    licence_id="unknown",
    redistributable=False,
    homepage="https://www.ponomarenko.info/tid2013.htm",
    layout="mos_with_names.txt, mos_std.txt\ndistorted_images/iXX_YY_Z.bmp\nreference_images/IXX.BMP",
    citation="""@article{ponomarenko2015tid,
  title   = {Image database TID2013: Peculiarities, results and perspectives},
  author  = {Ponomarenko, Nikolay and Jin, Lina and Ieremeiev, Oleg and Lukin, Vladimir and Egiazarian, Karen
             and Astola, Jaakko and Vozel, Benoit and Chehdi, Kacem and Carli, Marco and Battisti, Federica
             and Kuo, C.-C. Jay},
  journal = {Signal Processing: Image Communication},
  volume  = {30},
  pages   = {57--77},
  year    = {2015}
}""",
    image_folders=(("distorted_images",),),
    read_labels=read_labels,
    columns=("mos_std", "reference", "distortion", "level"),
    grouped_by="reference",
)

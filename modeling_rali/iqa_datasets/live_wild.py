"""LIVE in the Wild Image Quality Challenge: photographs of mobile cameras with crowd-sourced scores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import find, require

PRACTICE = re.compile(r"t[1-7]\.bmp", re.IGNORECASE)  # shown to the raters first, and first in the lists


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read the .mat lists, which run in parallel, without the seven practice pictures.

    AllStdDev_release.mat may be absent: mos_std is None then.
    """
    names = _vector(require(data_dir, "Data/AllImages_release.mat"), "AllImages_release")
    scores = _vector(require(data_dir, "Data/AllMOS_release.mat"), "AllMOS_release")
    std_path = find(data_dir, "Data/AllStdDev_release.mat")
    deviations = np.full(len(names), None) if std_path is None else _vector(std_path, "AllStdDev_release")
    if not len(names) == len(scores) == len(deviations):
        raise IQADatasetError(
            f"{data_dir / 'Data'}: {len(names)} names, {len(scores)} scores and {len(deviations)} deviations "
            "do not belong together"
        )
    for cell, mos, std in zip(names, scores, deviations, strict=True):
        name = str(np.asarray(cell).item())
        if not PRACTICE.fullmatch(name):
            yield Record(image=name, mos=float(mos), mos_std=None if std is None else float(std))


def _vector(path: Path, key: str) -> np.ndarray:
    try:
        variables = loadmat(path)
    except (MatReadError, ValueError, IndexError) as error:  # the last from a file shorter than the format's header
        raise IQADatasetError(f"{path} is not a MATLAB file that can be read: {error}") from error
    if key not in variables:
        raise IQADatasetError(f"{path} has no variable {key}")
    return variables[key].ravel()


LIVE_WILD = Benchmark(
    name="live_wild",
    title="LIVE in the Wild",
    kind="mobile photographs",
    images=1_162,
    scale=(0, 100),
    score="MOS 0–100",
    licence="University of Texas copyright notice: free to use and copy if the whole notice goes with every copy",
    licence_id="other",
    redistributable=False,
    homepage="https://live.ece.utexas.edu/research/ChallengeDB/index.html",
    layout="Data/AllImages_release.mat, AllMOS_release.mat, AllStdDev_release.mat\nImages/, trainingImages/ in it",
    citation="""@article{ghadiyaram2016live,
  title   = {Massive Online Crowdsourced Study of Subjective and Objective Picture Quality},
  author  = {Ghadiyaram, Deepti and Bovik, Alan C.},
  journal = {IEEE Transactions on Image Processing},
  volume  = {25},
  number  = {1},
  pages   = {372--387},
  year    = {2016}
}""",
    image_folders=(("Images",),),
    read_labels=read_labels,
    columns=("mos_std",),
    unscored=("trainingimages/*", "t[1-7].bmp"),
)

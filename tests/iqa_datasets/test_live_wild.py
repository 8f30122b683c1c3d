"""LIVE in the Wild: MATLAB lists in parallel, the practice pictures left out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from modeling_rali.iqa_datasets import IQADatasetError, read_folder
from modeling_rali.iqa_datasets.live_wild import LIVE_WILD


def test_the_real_lists_give_1162_scored_pictures(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    for name in ("AllImages_release.mat", "AllMOS_release.mat"):
        (tmp_path / "Data" / name).write_bytes((shared_dir / "labels" / name).read_bytes())
    records = LIVE_WILD.records(tmp_path)
    assert len(records) == LIVE_WILD.images == len({record.image for record in records})
    scores = loadmat(shared_dir / "labels" / "AllMOS_release.mat")["AllMOS_release"].ravel()
    assert [record.mos for record in records] == scores[7:].tolist()
    assert records[0].image == "100.bmp"
    assert {record.mos_std for record in records} == {None}


def test_the_practice_pictures_are_neither_scored_nor_unlabelled(make_set: Callable[[str], Path]) -> None:
    folder = read_folder("live_wild", make_set("live_wild"))
    assert [record.image for record, _ in folder.pictures] == [f"{index}.bmp" for index in range(100, 112)]
    assert folder.pictures[0][0].mos == 35
    assert folder.pictures[0][0].mos_std == 19.5
    assert folder.unlabelled == ()


def test_lists_of_different_lengths_do_not_belong_together(make_set: Callable[[str], Path]) -> None:
    folder = make_set("live_wild")
    savemat(folder / "Data" / "AllMOS_release.mat", {"AllMOS_release": np.ones((1, 18))})
    with pytest.raises(IQADatasetError, match="19 names, 18 scores"):
        LIVE_WILD.records(folder)


@pytest.mark.parametrize("content", [b"<html>log in first</html>", b""])
def test_a_file_that_is_not_matlab_s_is_an_error_that_names_it(make_set: Callable[[str], Path], content: bytes) -> None:
    folder = make_set("live_wild")
    (folder / "Data" / "AllMOS_release.mat").write_bytes(content)
    with pytest.raises(IQADatasetError, match=r"AllMOS_release\.mat is not a MATLAB file"):
        LIVE_WILD.records(folder)


def test_a_matlab_file_without_the_variable_is_an_error(make_set: Callable[[str], Path]) -> None:
    folder = make_set("live_wild")
    savemat(folder / "Data" / "AllMOS_release.mat", {"mos": np.ones((1, 19))})
    with pytest.raises(IQADatasetError, match="no variable AllMOS_release"):
        LIVE_WILD.records(folder)

"""TID2013: letter case that varies, on disk and in the list."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.tid2013 import TID2013


def test_the_real_list_gives_3000_scores_of_25_references(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "mos_with_names.txt").write_bytes((shared_dir / "labels" / "TID2013_mos_with_names.txt").read_bytes())
    records = TID2013.records(tmp_path)
    assert len(records) == TID2013.images
    assert {record.group for record in records} == {f"I{number:02d}" for number in range(1, 26)}
    assert len({record.distortion for record in records}) == 24
    assert {record.level for record in records} == {1, 2, 3, 4, 5}
    scores = {record.image: record.mos for record in records}
    assert (scores["I01_01_1.bmp"], scores["i09_24_5.bmp"], scores["i04_17_4.bmp"]) == (5.51429, 0.24242, 7.21429)


def test_pictures_are_found_whatever_the_letter_case_of_their_names(make_set: Callable[[str], Path]) -> None:
    folder = make_set("tid2013")
    dataset = load_iqa_dataset("tid2013", folder)
    assert dataset["image_id"][:2] == ["I01_01_2.bmp", "i01_24_5.bmp"]
    assert dataset["group"][:2] == ["I01", "I01"]
    assert dataset["mos_std"][1] == 0.11


def test_a_list_of_deviations_of_another_length_is_an_error(make_set: Callable[[str], Path]) -> None:
    folder = make_set("tid2013")
    (folder / "mos_std.txt").write_text("0.1\n")
    with pytest.raises(IQADatasetError, match=r"mos_std\.txt has 1 values"):
        TID2013.records(folder)


def test_without_the_list_of_deviations_there_are_none(make_set: Callable[[str], Path]) -> None:
    folder = make_set("tid2013")
    (folder / "mos_std.txt").unlink()
    assert {record.mos_std for record in TID2013.records(folder)} == {None}


def test_two_files_that_differ_in_letter_case_only_are_not_guessed_between(make_set: Callable[[str], Path]) -> None:
    folder = make_set("tid2013") / "distorted_images"
    (folder / "I01_01_2.bmp").rename(folder / "i01_01_2.BMP")
    (folder / "I01_01_2.BMP").write_bytes((folder / "i01_01_2.BMP").read_bytes())
    if len({"i01_01_2.BMP", "I01_01_2.BMP"} & {path.name for path in folder.iterdir()}) < 2:
        pytest.skip("this file system does not tell letter case apart")
    with pytest.raises(IQADatasetError, match=r"I01_01_2\.BMP and i01_01_2\.BMP"):
        load_iqa_dataset("tid2013", folder.parent)

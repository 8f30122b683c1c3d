"""PIPAL: one text file a reference, and the two ways its pictures unpack."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.pipal import PIPAL


def test_the_reference_is_what_stands_before_the_first_underscore(make_set: Callable[[str], Path]) -> None:
    first, second, *_ = PIPAL.records(make_set("pipal"))
    assert (first.image, first.reference, first.distortion, first.mos) == ("A0001_00_00.bmp", "A0001", "00", 1050.5)
    assert (second.group, second.distortion) == ("A0001", "06")


def test_pictures_in_one_folder_or_in_four_parts_give_the_same_rows(make_set: Callable[[str], Path]) -> None:
    folder = make_set("pipal")
    parts = load_iqa_dataset("pipal", folder).remove_columns("image").to_list()
    (folder / "Train_Dist").mkdir()
    for path in folder.glob("Distortion_?/*.bmp"):
        path.rename(folder / "Train_Dist" / path.name)
    assert load_iqa_dataset("pipal", folder).remove_columns("image").to_list() == parts


def test_parts_inside_train_dist_are_found(make_set: Callable[[str], Path]) -> None:
    folder = make_set("pipal")
    (folder / "Train_Dist").mkdir()
    for path in folder.glob("Distortion_?"):
        path.rename(folder / "Train_Dist" / path.name)
    assert len(load_iqa_dataset("pipal", folder)) == 24


def test_a_part_that_was_not_unpacked_is_missed(make_set: Callable[[str], Path]) -> None:
    folder = make_set("pipal")
    for path in (folder / "Distortion_1").iterdir():
        path.unlink()
    with pytest.raises(IQADatasetError, match=r"labels without their picture \(6\): A0004_00_00\.bmp"):
        load_iqa_dataset("pipal", folder)


def test_a_line_of_another_form_is_an_error_at_its_place(make_set: Callable[[str], Path]) -> None:
    folder = make_set("pipal")
    (folder / "Train_Label" / "A0002.txt").write_text("A0002_00_00.bmp 1500\n")
    with pytest.raises(IQADatasetError, match=r"A0002\.txt, line 1"):
        load_iqa_dataset("pipal", folder)

"""A plain folder: its CSV's columns, its scale, its own splits."""

import json
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, check_dataset, load_iqa_dataset
from modeling_rali.iqa_datasets.scored_folder import SCORED_FOLDER, read_scale

from .layouts import picture, write_csv


@pytest.mark.parametrize("column", ["image", "path", "filename"])
def test_the_path_may_come_under_three_names(tmp_path: Path, column: str) -> None:
    write_csv(tmp_path / "my.csv", [[column, "mos"], ["sub/a.png", 3]])
    assert SCORED_FOLDER.records(tmp_path)[0].image == "sub/a.png"


def test_optional_columns_are_read_and_may_be_blank(tmp_path: Path) -> None:
    write_csv(tmp_path / "my.csv", [["image", "mos", "std", "group"], ["a.png", 3, 0.5, "door"], ["b.png", 4, "", ""]])
    first, second = SCORED_FOLDER.records(tmp_path)
    assert (first.mos_std, first.group) == (0.5, "door")
    assert (second.mos_std, second.group) == (None, None)


def test_its_own_splits_are_used_and_a_group_on_two_sides_is_noted(tmp_path: Path) -> None:
    rows = [["a.png", 3, "train", "door"], ["b.png", 4, "test", "door"], ["c.png", 2, "test", "tree"]]
    write_csv(tmp_path / "my.csv", [["image", "mos", "split", "group"], *rows])
    for row in rows:
        picture(tmp_path / str(row[0]))
    assert load_iqa_dataset("folder", tmp_path, "test", scale=(1, 5))["image_id"] == ["b.png", "c.png"]
    report = check_dataset("folder", tmp_path, scale=(1, 5))
    assert report.complete
    assert report.notes == {"groups on more than one side of the split": ("door",)}


def test_a_picture_of_the_same_name_elsewhere_is_not_taken(tmp_path: Path) -> None:
    write_csv(tmp_path / "my.csv", [["image", "mos"], ["a.png", 3]])
    picture(tmp_path / "thumbnails" / "a.png")
    with pytest.raises(IQADatasetError, match=r"labels without their picture \(1\)"):
        load_iqa_dataset("folder", tmp_path, scale=(1, 5))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["image", "score"], ["a.png", 3]], "no column mos; its columns are image, score"),
        ([["picture", "mos"], ["a.png", 3]], "line 2: give the picture's path"),
        ([["image", "path", "mos"], ["a.png", "b.png", 3]], "line 2: give the picture's path"),
        ([["image", "mos"], ["a.png", ""]], "line 2: no value in column mos"),
        ([["image", "mos"], ["a.png"]], "line 2: no value in column mos"),
        ([["image", "mos"], ["a.png", "good"]], "line 2: 'good' is not a number"),
        ([["image", "mos", "split"], ["a.png", 3, "dev"]], "line 2: the split 'dev'"),
        ([["image", "mos", "split"], ["a.png", 3, ""]], "line 2: the split ''"),
        ([["image", "mos"]], "are empty"),
    ],
)
def test_a_csv_of_another_form_is_an_error_that_says_where(
    tmp_path: Path, rows: list[list[object]], message: str
) -> None:
    write_csv(tmp_path / "my.csv", rows)
    with pytest.raises(IQADatasetError, match=message):
        SCORED_FOLDER.records(tmp_path)


def test_no_csv_or_two_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(IQADatasetError, match="it holds none"):
        SCORED_FOLDER.records(tmp_path)
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / name, [])
    with pytest.raises(IQADatasetError, match=r"it holds a\.csv, b\.csv"):
        SCORED_FOLDER.records(tmp_path)


@pytest.mark.parametrize("content", ["[1, 5]", "{", '{"worst": 1}', '{"worst": "bad", "best": 5}'])
def test_a_sidecar_of_another_form_is_an_error(tmp_path: Path, content: str) -> None:
    write_csv(tmp_path / "my.csv", [])
    assert read_scale(tmp_path) is None
    (tmp_path / "my.json").write_text(content)
    with pytest.raises(IQADatasetError, match=r"my\.json is not of the form"):
        read_scale(tmp_path)
    (tmp_path / "my.json").write_text(json.dumps({"worst": 100, "best": 0}))
    assert read_scale(tmp_path) == (100, 0)

"""What can be wrong between labels and pictures: found, counted, named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, check_dataset, load_iqa_dataset, read_folder
from modeling_rali.iqa_datasets.folders import name_some

from .layouts import LAYOUTS, picture, write_csv

MakeSet = Callable[[str], Path]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_whole_folder_is_complete(name: str, make_set: MakeSet) -> None:
    report = check_dataset(name, make_set(name))
    assert report.complete
    assert report.notes == {}


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_empty_folder_is_an_error_that_says_what_it_lacks(name: str, tmp_path: Path) -> None:
    with pytest.raises(IQADatasetError, match=rf"{tmp_path}.*(holds no|must hold)"):
        read_folder(name, tmp_path)


@pytest.mark.parametrize("name", LAYOUTS)
def test_labels_without_any_picture_are_an_error_that_names_some(name: str, make_set: MakeSet) -> None:
    folder = make_set(name)
    for path in folder.rglob("*"):
        if path.suffix.lower() in (".jpg", ".png", ".bmp"):
            path.unlink()
    with pytest.raises(IQADatasetError, match=r"labels without their picture \(\d+\): .* and [\d,]+ more"):
        load_iqa_dataset(name, folder)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IQADatasetError, match="nowhere is not a folder"):
        read_folder("spaq", tmp_path / "nowhere")


def test_labels_without_an_image_folder_name_the_folder_to_unpack(make_set: MakeSet) -> None:
    folder = make_set("koniq10k")
    (folder / "1024x768").rename(folder / "pictures")
    with pytest.raises(IQADatasetError, match="no image folder 1024x768 or 512x384"):
        read_folder("koniq10k", folder)


def test_the_folder_above_points_to_the_right_one(make_set: MakeSet) -> None:
    folder = make_set("kadid10k")
    with pytest.raises(IQADatasetError, match=f"its subfolder does: pass {folder}"):
        read_folder("kadid10k", folder.parent)


def test_a_row_given_twice_is_an_error_that_names_it(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    with (folder / "Test (Images and MOS).csv").open("a") as file:
        file.write("ss01 (2).jpg,0.9\n")
    with pytest.raises(IQADatasetError, match=r"pictures labelled more than once \(1\): ss01 \(2\)\.jpg"):
        load_iqa_dataset("biq2021", folder, "test")


@pytest.mark.parametrize("score", ["1.7", "-0.2", "nan", "inf"])
def test_a_score_off_the_nominal_scale_is_an_error_that_names_it(make_set: MakeSet, score: str) -> None:
    folder = make_set("biq2021")
    labels = folder / "Test (Images and MOS).csv"
    labels.write_text(labels.read_text().replace("0.875", score))
    with pytest.raises(IQADatasetError, match=rf"scores off the set's scale \(1\): ss02 \(1\)\.jpg: {score}"):
        load_iqa_dataset("biq2021", folder)


def test_pictures_that_do_not_decode_are_found_by_the_check_and_named(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    whole = (folder / "Images" / "ss01 (1).jpg").read_bytes()
    (folder / "Images" / "ss01 (1).jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "Images" / "ss01 (3).jpg").write_bytes(b"<html>404</html>")
    (folder / "Images" / "ss01 (4).jpg").write_bytes(b"")
    report = check_dataset("biq2021", folder)
    assert not report.complete
    assert [name.split(":")[0] for name in report.undecodable] == [f"ss01 ({index}).jpg" for index in (1, 3, 4)]
    assert list(report.problems) == ["pictures that do not decode"]


def test_a_label_file_cut_short_is_told_from_an_excerpt(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    excerpt = check_dataset("biq2021", folder)
    assert excerpt.folder.excerpt
    assert excerpt.complete
    labels = folder / "Test (Images and MOS).csv"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:-1]))
    report = check_dataset("biq2021", folder)
    assert list(report.problems.values()) == [("Images/ss02 (3).jpg",)]
    assert not report.complete


def test_pictures_without_a_label_are_noted_where_the_labels_are_whole(make_set: MakeSet) -> None:
    folder = make_set("folder")
    picture(folder / "extra.png")
    report = check_dataset("folder", folder)
    assert report.complete
    assert report.notes == {"pictures without a label": ("extra.png",)}


def test_what_a_mac_or_a_desktop_leaves_is_no_picture(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    picture(folder / "Images" / "__MACOSX" / "ss01 (1).jpg")
    picture(folder / "Images" / ".thumbnails" / "ss01 (1).jpg")
    (folder / "Images" / "._ss01 (1).jpg").write_bytes(b"metadata")
    assert read_folder("biq2021", folder).unlabelled == ()


def test_one_name_in_two_folders_of_a_set_is_not_guessed_between(make_set: MakeSet) -> None:
    folder = make_set("pipal")
    picture(folder / "Distortion_1" / "A0001_00_00.bmp")
    with pytest.raises(IQADatasetError, match=r"two pictures are called A0001_00_00\.bmp"):
        read_folder("pipal", folder)


def test_the_whole_of_a_damaged_set_is_reported_at_once(make_set: MakeSet) -> None:
    folder = make_set("spaq")
    (folder / "TestImage" / "00003.jpg").unlink()
    (folder / "TestImage" / "00004.jpg").write_bytes(b"")
    report = check_dataset("spaq", folder)
    assert report.problems.keys() == {"labels without their picture", "pictures that do not decode"}
    assert report.problems["labels without their picture"] == ("00003.jpg",)


def test_many_names_are_counted_and_the_first_given() -> None:
    assert name_some([str(number) for number in range(1_007)]) == "0, 1, 2, 3, 4 and 1,002 more"
    assert name_some(["a", "b"]) == "a, b"


def test_windows_separators_and_byte_order_marks_do_not_matter(tmp_path: Path) -> None:
    write_csv(tmp_path / "scores.csv", [["image", "mos"], ["a.png", 3]])
    (tmp_path / "scores.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "scores.csv").read_bytes())
    picture(tmp_path / "a.png")
    assert read_folder("folder", tmp_path, scale=(1, 5)).labels == 1

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modeling_rali.inference import find_pictures, picture_suffixes, written_name
from modeling_rali.inference.finding import place_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with pictures, other files and hidden ones in it and in subfolders."""
    for name in (
        "b.JPG",
        "a.png",
        "notes.txt",
        "film.mpg",
        ".hidden.png",
        "sub/c.webp",
        "sub/deep/d.tiff",
        ".git/e.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str | Path) -> list[str]:
    return [name for name, _ in find_pictures(paths)]


def test_a_folder_gives_its_pictures_sorted_with_subfolders_and_without_hidden_ones(folder: Path) -> None:
    assert names(".") == ["./a.png", "./b.JPG", "./sub/c.webp", "./sub/deep/d.tiff"]


def test_paths_begin_as_the_user_wrote_them(folder: Path) -> None:
    assert names("sub") == ["sub/c.webp", "sub/deep/d.tiff"]
    assert names(folder / "sub") == [str(folder / "sub/c.webp"), str(folder / "sub/deep/d.tiff")]


def test_named_files_are_taken_whatever_their_name_and_whether_they_exist_or_not(folder: Path) -> None:
    assert names("notes.txt", ".hidden.png", "gone.jpg") == ["notes.txt", ".hidden.png", "gone.jpg"]


def test_a_picture_that_is_named_twice_comes_once(folder: Path) -> None:
    assert names("sub/c.webp", "sub", "./sub/deep/../c.webp", folder / "sub") == ["sub/c.webp", "sub/deep/d.tiff"]


def test_a_link_to_a_picture_is_a_picture_of_its_own(folder: Path) -> None:
    (folder / "sub/link.png").symlink_to(folder / "a.png")
    assert "sub/link.png" in names("a.png", "sub")


def test_loops_of_links_end(folder: Path) -> None:
    (folder / "sub/loop").symlink_to(folder)
    (folder / "sub/self.png").symlink_to(folder / "sub/self.png")
    assert names("sub") == [
        "sub/c.webp",
        "sub/deep/d.tiff",
        "sub/loop/a.png",
        "sub/loop/b.JPG",
        "sub/self.png",
    ]


def test_a_folder_without_pictures_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    (name, error), *others = find_pictures(["empty", "a.png"])
    assert (name, str(error)) == ("empty", "no pictures in this folder.")
    assert [name for name, _ in others] == ["a.png"]


def test_a_folder_that_cannot_be_listed_is_an_error() -> None:
    with as_an_ordinary_user(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.png").touch()
        (folder / "locked").mkdir(mode=0)
        found = dict(find_pictures([folder]))
        assert str(found.pop(f"{name}/locked")) == "the folder cannot be listed: Permission denied."
        assert found == {f"{name}/a.png": f"{name}/a.png"}


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Without the right of root to list every folder."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_suffixes_are_those_of_formats_that_pillow_decodes() -> None:
    assert {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".webp", ".jp2", ".mpo"} <= picture_suffixes()
    assert not {".pdf", ".mpg", ".eps", ".h5", ".txt", ""} & picture_suffixes()


def test_written_names_are_readable_and_spellings_of_one_place_agree(folder: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    assert written_name(odd) == r"caf\xe9.jpg"
    assert written_name("café.jpg") == "café.jpg"
    assert place_of(f"sub/../{odd}") == place_of(written_name(odd)) == str(folder / r"caf\xe9.jpg")

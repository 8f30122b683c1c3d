"""Paths, as a user names them → pictures to score."""

import os
import stat
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from PIL import Image

from ..image_processing_rali import UnreadableImageError

# What Pillow only writes, only recognises, or hands to a program or service of the operating system.
_NOT_DECODED_BY_PILLOW = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"}


@cache
def picture_suffixes() -> frozenset[str]:
    """File name suffixes, in lower case and with their dot, of the formats that Pillow decodes."""
    suffixes = Image.registered_extensions()
    return frozenset(suffix for suffix, format in suffixes.items() if format not in _NOT_DECODED_BY_PILLOW)


def find_pictures(paths: Iterable[str | os.PathLike[str]]) -> Iterator[tuple[str, str | UnreadableImageError]]:
    """The pictures that paths of files and folders stand for, each once, as `score_rows` takes them.

    A file is taken whatever its name. A folder gives, sorted by name and its subfolders included, the files whose suffix is
    that of a picture format; names that begin with a dot are left out. Links are followed, and no folder is entered twice.

    Yields:
        (path, path) for each picture, the path beginning as the user wrote it; (path, error) for a folder that cannot be
        listed, and for a folder of `paths` without a picture.
    """
    seen: set[str] = set()
    for path in (os.fspath(path) for path in paths):
        is_empty = True
        for name, source in _walk(path, set()) if Path(path).is_dir() else [(path, path)]:
            is_empty = False
            if (place := place_of(name)) not in seen:
                seen.add(place)
                yield name, source
        if is_empty:
            yield path, UnreadableImageError("no pictures in this folder.")


def written_name(path: str) -> str:
    """A path as results name it: bytes of a file name that are not UTF-8 as `\\xNN`, so that every reader can read it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def place_of(path: str) -> str:
    """What tells whether two paths, or the names written for them, mean the same picture: the absolute written name."""
    # Not Path.resolve: a link to a picture is a picture of its own, with its own row
    return os.path.abspath(written_name(path))  # noqa: PTH100


def _walk(folder: str, entered: set[tuple[int, int]]) -> Iterator[tuple[str, str | UnreadableImageError]]:
    try:
        status = Path(folder).stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield folder, UnreadableImageError(f"the folder cannot be listed: {error.strerror}.")
        return
    if (identity := (status.st_dev, status.st_ino)) in entered:
        return
    entered.add(identity)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(entry.path, entered)
        elif Path(entry.name).suffix.lower() in picture_suffixes():
            yield entry.path, entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISDIR(entry.stat().st_mode)
    except OSError:  # a broken link, say: a file as far as its name goes, and reading it says what is wrong
        return False

"""Joining a set's labels with the pictures on disk, and all that can be wrong between them."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from datasets.utils import tqdm
from PIL import Image

from .benchmark import Benchmark, IQADatasetError, Record
from .catalogue import get_benchmark
from .label_files import find
from .scored_folder import SCORED_FOLDER, read_scale
from .splits import groups_on_two_sides, splits_are_hashed, with_hashed_splits

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MISSING = "labels without their picture"
EDGE = 1e-6  # of the scale's width: what a score written with few digits may lie beyond its bound


@dataclass(frozen=True)
class LabelledFolder:
    """A set on disk: `pictures` pairs each record that has a picture with its path.

    `hashed` is whether the records' splits are hashed ones and not the label files' own.

    What is amiss: `missing` are records without a picture, `duplicates` pictures labelled more than once, `off_scale`
    scores outside the nominal bounds or not finite, `unlabelled` pictures that no label names, `two_sided` groups with
    pictures in more than one split.
    """

    benchmark: Benchmark
    data_dir: Path
    hashed: bool
    pictures: tuple[tuple[Record, str], ...]
    missing: tuple[Record, ...]
    duplicates: tuple[str, ...]
    off_scale: tuple[str, ...]
    unlabelled: tuple[str, ...]
    two_sided: tuple[str, ...]

    @property
    def labels(self) -> int:
        """The number of lines in the label files."""
        return len(self.pictures) + len(self.missing)

    @property
    def excerpt(self) -> bool:
        """Whether the labels are fewer than the published set's: figures on them are not the benchmark's."""
        return self.benchmark.images is not None and self.labels < self.benchmark.images

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """What makes the folder unfit to load, to the names concerned; empty if nothing does."""
        found = {
            MISSING: tuple(record.image for record in self.missing),
            "pictures labelled more than once": self.duplicates,
            "scores off the set's scale": self.off_scale,
        }
        return {what: names for what, names in found.items() if names}


@dataclass(frozen=True)
class Report:
    """What `check_dataset` found: `problems` and `notes` map what it is to the names of the pictures concerned."""

    folder: LabelledFolder
    undecodable: tuple[str, ...]

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """What makes the folder incomplete or wrong."""
        found = {
            "pictures that do not decode": self.undecodable,
            "pictures without a label, and fewer labels than the set has": self._cut_off,
        }
        return self.folder.problems | {what: names for what, names in found.items() if names}

    @property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """What is worth knowing and no fault of the folder's."""
        found = {
            "pictures without a label": () if self._cut_off else self.folder.unlabelled,
            "groups on more than one side of the split": self.folder.two_sided,
        }
        return {what: names for what, names in found.items() if names}

    @property
    def complete(self) -> bool:
        """Whether every label has its one picture, and every picture of an excerpt its label, and all decode."""
        return not self.problems

    @property
    def _cut_off(self) -> tuple[str, ...]:
        # Too few labels beside pictures that lack one: the label file was cut short, this is no deliberate excerpt.
        return self.folder.unlabelled if self.folder.excerpt else ()


def read_folder(
    name: str, data_dir: str | Path, *, scale: tuple[float, float] | None = None, seed: int = 0
) -> LabelledFolder:
    """Read the labels of the set `name` in `data_dir` and find their pictures, without opening one.

    `scale` is (worst, best), for a plain folder without a sidecar only; `seed` is that of the hashed splits.
    Raises IQADatasetError if the folder is not the set's, a label file cannot be read, no image folder is there, or no
    scale is known.
    """
    data_dir = Path(data_dir).expanduser().absolute()
    benchmark = get_benchmark(name)
    if scale is not None and benchmark is not SCORED_FOLDER:
        raise IQADatasetError(f"the scale of {benchmark.title} is its owners' to say: pass no scale")
    records: Sequence[Record] = benchmark.records(data_dir)
    if hashed := splits_are_hashed(benchmark, records):
        records = with_hashed_splits(benchmark, records, seed)
    if benchmark is SCORED_FOLDER:
        benchmark = dataclasses.replace(benchmark, scale=_checked(scale or read_scale(data_dir)))

    listing = _list_pictures(benchmark, data_dir)
    alike: dict[str, list[str]] = {}
    for exact in listing:
        alike.setdefault(exact.lower(), []).append(exact)

    pictures: list[tuple[Record, str]] = []
    missing: list[Record] = []
    duplicates: list[str] = []
    off_scale: list[str] = []
    seen: set[str] = set()
    for record in records:
        key = _key_of(record.image, listing, alike)
        if key is None:
            missing.append(record)
        else:
            pictures.append((record, listing[key]))
        name_on_disk = key or record.image
        if name_on_disk in seen:
            duplicates.append(record.image)
        seen.add(name_on_disk)
        if not -EDGE <= benchmark.quality(record) <= 1 + EDGE:  # written so that NaN is off the scale too
            off_scale.append(f"{record.image}: {record.mos:g}")
        if record.mos_std is not None and not 0 <= record.mos_std < math.inf:
            off_scale.append(f"{record.image}: standard deviation {record.mos_std:g}")

    used = {path for _, path in pictures}
    return LabelledFolder(
        benchmark=benchmark,
        data_dir=data_dir,
        hashed=hashed,
        pictures=tuple(pictures),
        missing=tuple(missing),
        duplicates=tuple(duplicates),
        off_scale=tuple(off_scale),
        unlabelled=tuple(sorted(os.path.relpath(path, data_dir) for path in set(listing.values()) - used)),
        two_sided=tuple(groups_on_two_sides(records)),
    )


def check_dataset(name: str, data_dir: str | Path, *, scale: tuple[float, float] | None = None) -> Report:
    """Read the folder as `read_folder` does and decode every labelled picture: slow, and the only place that does."""
    folder = read_folder(name, data_dir, scale=scale)
    paths = [path for _, path in folder.pictures]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow's decoders run without the interpreter lock
        reasons = list(tqdm(pool.map(_why_undecodable, paths), total=len(paths), desc="Decoding", disable=None))
    undecodable = tuple(
        f"{record.image}: {reason}"
        for (record, _), reason in zip(folder.pictures, reasons, strict=True)
        if reason is not None
    )
    return Report(folder, undecodable)


def name_some(names: Sequence[str], first: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - first
    return ", ".join(names[:first]) + (f" and {more:,} more" if more > 0 else "")


def _checked(scale: tuple[float, float] | None) -> tuple[float, float] | None:
    if scale is not None and scale[0] == scale[1]:
        raise IQADatasetError(f"the scale {scale} has the same worst and best score")
    return scale


def _list_pictures(benchmark: Benchmark, data_dir: Path) -> dict[str, str]:
    """The path of every picture that may carry a label, by its name relative to its image folder."""
    for alternative in benchmark.image_folders:
        folders = [folder for name in alternative if (folder := find(data_dir, name)) is not None]
        if folders:
            break
    else:
        names = " or ".join(name for alternative in benchmark.image_folders for name in alternative)
        raise IQADatasetError(f"{data_dir} holds no image folder {names}: unpack the pictures of {benchmark.title}")
    listing: dict[str, str] = {}
    for folder in folders:
        for key, path in _walk(folder):
            if not any(fnmatch(key.lower(), pattern) for pattern in benchmark.unscored):
                if key in listing:
                    raise IQADatasetError(f"two pictures are called {key}: {listing[key]} and {path}; remove one")
                listing[key] = path
    return listing


def _walk(folder: Path) -> Iterable[tuple[str, str]]:
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        relative = os.path.relpath(root, folder).replace(os.sep, "/")
        for name in files:
            # Archives made on a Mac hold a "._name.jpg" of metadata for each picture.
            if Path(name).suffix.lower() in PICTURE_SUFFIXES and not name.startswith("."):
                yield name if relative == "." else f"{relative}/{name}", f"{root}{os.sep}{name}"


def _key_of(image: str, listing: dict[str, str], alike: dict[str, list[str]]) -> str | None:
    if image in listing:
        return image
    keys = alike.get(image.lower(), [])
    if len(keys) > 1:
        raise IQADatasetError(f"the label {image} fits {' and '.join(sorted(keys))}, which differ in letter case only")
    return keys[0] if keys else None


def _why_undecodable(path: str) -> str | None:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow's plugins raise
        return str(error).replace(path, "the file")
    return None

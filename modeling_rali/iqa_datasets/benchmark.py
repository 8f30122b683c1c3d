"""What a benchmark is: the facts its owners state, and how its label file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class IQADatasetError(ValueError):
    """A benchmark's folder, label file or split is not what it has to be; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a label file.

    `image` is the picture's name relative to the set's image folder, as the owners write it; it is the image's id.
    `mos` and `mos_std` keep the owners' scale. `group` is the reference, prompt or scene that a split must not cut in
    two. `split` is the owners' split. `quality`, in 0–1, is given only where the label file itself maps the score.
    """

    image: str
    mos: float
    mos_std: float | None = None
    reference: str | None = None
    distortion: str | None = None
    level: int | None = None
    prompt: str | None = None
    generator: str | None = None
    group: str | None = None
    split: str | None = None
    quality: float | None = None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """The facts of one set, and `read_labels(data_dir)`, which parses its label files without opening a picture.

    `scale` is (worst, best): the nominal bounds in the order of quality, so `(1, 0)` is a DMOS from 0, best, to 1.
    `image_folders` holds alternatives in order of preference; the first one of which a folder exists is read, and all
    the folders of that alternative together hold the pictures. `unscored` are patterns of pictures in those folders
    that belong to the archive but carry no score. `columns` are the optional columns the set has values for.
    `grouped_by` says what a record's group is, and `split_leaks` what is wrong with the official split.
    """

    name: str
    title: str
    kind: str
    images: int | None
    scale: tuple[float, float] | None
    score: str
    licence: str
    licence_id: str
    redistributable: bool
    homepage: str
    layout: str
    citation: str
    image_folders: tuple[tuple[str, ...], ...]
    read_labels: Callable[[Path], Iterable[Record]]
    columns: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()
    official_splits: Mapping[str, int] = field(default_factory=dict)
    split_leaks: str | None = None
    grouped_by: str | None = None
    note: str | None = None

    def records(self, data_dir: Path) -> tuple[Record, ...]:
        """All lines of the label files in their order; IQADatasetError if the folder or its labels are not there."""
        if not data_dir.is_dir():
            raise IQADatasetError(f"{data_dir} is not a folder: pass the one that {self.title} unpacks to")
        records = tuple(self.read_labels(data_dir))
        if not records:
            raise IQADatasetError(f"the label files of {self.title} in {data_dir} are empty")
        return records

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher `mos` is a better picture; `quality` always is higher for better."""
        return self.scale is None or self.scale[1] > self.scale[0]

    def quality(self, record: Record) -> float:
        """(mos − worst) / (best − worst): in [0, 1] for a score within the nominal bounds, beyond them outside it."""
        if record.quality is not None:
            return record.quality
        if self.scale is None:
            raise IQADatasetError(
                f"the scale of {self.title} is not known: pass scale=(worst, best), or write "
                '{"worst": …, "best": …} to a .json file with the name of the CSV beside it'
            )
        worst, best = self.scale
        return (record.mos - worst) / (best - worst)

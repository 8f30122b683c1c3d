"""Describing a dataset: its pictures and degraded copies of them, shard by shard."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..image_processing_rali import read_image
from ..replacing import write_text
from .attributes import Attributes, measure
from .degradations import DEGRADATIONS, LEVELS, degrade
from .measured_teacher import Grading, estimated_quality
from .teachers import Description, Request, Teacher
from .texts import IMAGES, TextsFolder

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or that of a pool of processes."""


@dataclass(frozen=True)
class Picture:
    """One picture of a dataset, by its file, with what is known of it."""

    path: str
    image_id: str
    group: str
    dataset: str
    split: str
    mos: float
    quality: float


def dataset_fingerprint(pictures: Sequence[Picture]) -> str:
    """A hash of the pictures' facts and of the sizes of their files."""
    digest = hashlib.sha256()
    for picture in pictures:
        facts = [picture.image_id, picture.group, picture.dataset, picture.split, picture.mos, picture.quality]
        digest.update(json.dumps([*facts, Path(picture.path).stat().st_size]).encode())
    return digest.hexdigest()


def fitted_grading(pictures: Sequence[Picture], cache: Path, parallel: Map = map) -> Grading:
    """The grading of the pictures of the train side, kept in `cache`, a JSON file, from one run to the next.

    Raises:
        UnreadableImageError: for the first picture that cannot be shown.
    """
    key = dataset_fingerprint(pictures)
    if cache.exists():
        kept = json.loads(cache.read_text(encoding="utf-8"))
        if kept["fingerprint"] == key:
            return Grading({name: tuple(edges) for name, edges in kept["edges"].items()})
    train = [picture.path for picture in pictures if picture.split == "train"]
    grading = Grading.fit(list(parallel(measure_file, train)))
    write_text(cache, json.dumps({"fingerprint": key, **grading.as_json()}, indent=2) + "\n")
    return grading


def measure_file(path: str) -> Attributes:
    """Measure the picture in a file."""
    return measure(read_image(path))


@dataclass(frozen=True)
class Describing:
    """How a dataset is described.

    Args:
        teacher: who writes.
        texts_per_image: texts about each picture.
        degraded_per_image: copies of each picture, each with another degradation, drawn with its level.
        seed: of all draws; the texts of a picture depend on it and on the picture's place in the dataset alone.
        batch_size: pictures that the teacher is asked about at once, with their copies.
    """

    teacher: Teacher
    texts_per_image: int
    degraded_per_image: int
    seed: int
    batch_size: int = 1

    def shards(
        self, pictures: Sequence[Picture], folder: TextsFolder, shards: Sequence[int], parallel: Map = map
    ) -> Iterator[int]:
        """Write these shards of the folder; yields the number of pictures of each that is done.

        Raises:
            UnreadableImageError: for the first picture that cannot be shown.
        """
        for shard in shards:
            places = range(shard, len(pictures), folder.num_shards)
            batches = [places[first : first + self.batch_size] for first in range(0, len(places), self.batch_size)]
            jobs = [(self, {place: pictures[place] for place in batch}, folder.folder) for batch in batches]
            folder.write_shard(shard, [row for rows in parallel(_describe_batch, jobs) for row in rows])
            yield len(places)

    def describe(self, pictures: Mapping[int, Picture], folder: Path) -> list[dict[str, Any]]:
        """The rows of pictures, by their places in the dataset, and of their degraded copies.

        The copies are written to `folder`/images.
        """
        asked = [(place, request) for place, picture in pictures.items() for request in self._requests(place, picture)]
        described = self.teacher.describe([request for _, request in asked])
        return [
            self._row(place, pictures[place], request, description, folder)
            for (place, request), description in zip(asked, described, strict=True)
        ]

    def _requests(self, place: int, picture: Picture) -> list[Request]:
        rng = np.random.default_rng((self.seed, place))
        names = rng.choice(list(DEGRADATIONS), self.degraded_per_image, replace=False)
        degradations = [None, *((str(name), int(rng.choice(LEVELS))) for name in names)]
        seeds = rng.integers(2**31, size=(len(degradations), self.texts_per_image))
        image = read_image(picture.path)
        quality = [picture.quality if one is None else estimated_quality(picture.quality, *one) for one in degradations]
        return [
            Request(image if one is None else degrade(image, *one, int(own[0])), tuple(own.tolist()), known, one)
            for one, own, known in zip(degradations, seeds, quality, strict=True)
        ]

    def _row(
        self, place: int, picture: Picture, request: Request, description: Description, folder: Path
    ) -> dict[str, Any]:
        row = {
            "image": picture.path,
            "image_id": picture.image_id,
            "source_id": picture.image_id,
            "group": picture.group,
            "dataset": picture.dataset,
            "split": picture.split,
            "mos": picture.mos,
            "quality": request.quality,
            "degradation": None,
            "texts": description.texts,
            "ratings": description.ratings,
            "teacher": self.teacher.name,
            "seeds": list(request.seeds),
        }
        if request.degradation is not None:
            name, level = request.degradation
            file = f"{IMAGES}/{place:06}-{name}-{level}.png"
            request.image.save(folder / file, compress_level=1)
            row |= {"image": file, "image_id": f"{picture.image_id}#{name}-{level}", "mos": None}
            row |= {"degradation": f"{name}:{level}"}
        return row


def _describe_batch(job: tuple[Describing, Mapping[int, Picture], Path]) -> list[dict[str, Any]]:
    describing, pictures, folder = job
    return describing.describe(pictures, folder)

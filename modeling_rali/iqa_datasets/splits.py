"""Who is on which side: the owners' split, or a hash of the group, so that a group is never cut in two."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable

from .benchmark import Benchmark, Record

SPLITS = ("train", "validation", "test")
TRAIN_SHARE, VALIDATION_SHARE = 0.7, 0.1  # the field's 80/20, a validation part taken out of the 80


def hashed_split(dataset: str, key: str, seed: int = 0) -> str:
    """train (70 %), validation (10 %) or test (20 %), from the BLAKE2b hash of the set's name, the seed and the key.

    It depends on nothing else that is in the set: a group stays on its side as a folder grows, and is on the same side
    in the whole set and in any part of it. The shares are therefore met on average only.
    """
    digest = hashlib.blake2b(f"{dataset}/{seed}/{key}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    if share < TRAIN_SHARE:
        return "train"
    return "validation" if share < TRAIN_SHARE + VALIDATION_SHARE else "test"


def splits_are_hashed(benchmark: Benchmark, records: Iterable[Record]) -> bool:
    """Whether the splits are ours to make: the labels give none, and the owners have none that ours would mix up."""
    return not benchmark.official_splits and not any(record.split for record in records)


def with_hashed_splits(benchmark: Benchmark, records: Iterable[Record], seed: int = 0) -> list[Record]:
    """The records with the hashed split of their group each, or of their image where the set has no groups."""
    return [
        dataclasses.replace(record, split=hashed_split(benchmark.name, record.group or record.image, seed))
        for record in records
    ]


def groups_on_two_sides(records: Iterable[Record]) -> list[str]:
    """The groups with pictures in more than one split, sorted."""
    sides: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.group is not None and record.split is not None:
            sides[record.group].add(record.split)
    return sorted(group for group, found in sides.items() if len(found) > 1)

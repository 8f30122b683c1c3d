"""What a teacher of quality texts is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from PIL import Image


class Request(NamedTuple):
    """One picture to describe.

    Args:
        image: RGB.
        seeds: one for each text that is asked for.
        quality: in 0–1 where a label is known, for a teacher that may say it.
        degradation: name and level, where one was applied.
    """

    image: Image.Image
    seeds: tuple[int, ...]
    quality: float | None = None
    degradation: tuple[str, int] | None = None


class Description(NamedTuple):
    """What a teacher says of one picture: as many texts as it was asked for, and its rating on 1–5 with each, or None."""

    texts: list[str]
    ratings: list[float | None]


class Teacher(Protocol):
    """Writes about pictures. `name` says what it is, wherever its texts go."""

    @property
    def name(self) -> str: ...

    def describe(self, requests: Sequence[Request]) -> list[Description]:
        """One description a request, the same for the same requests."""
        ...

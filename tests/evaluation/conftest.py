from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from .blurred_set import write_blurred_set

MakeSet = Callable[..., Path]
"""Makes a set called `name` of `count` pictures in a folder of its own; returns the folder."""


@pytest.fixture
def make_set(tmp_path: Path, photo: Image.Image) -> MakeSet:
    def make(name: str = "blurred", count: int = 12) -> Path:
        return write_blurred_set(tmp_path / name, photo, count)

    return make

"""Fixtures of the dataset tests: a cache of their own, and a small folder of each set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .layouts import LAYOUTS


@pytest.fixture(autouse=True)
def datasets_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Arrow cache of `datasets`, empty and in this test's own folder."""
    cache = tmp_path / "datasets_cache"
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    return cache


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[[str], Path]:
    """Write a small folder of the named set and return its path."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        LAYOUTS[name](folder)
        return folder

    return make

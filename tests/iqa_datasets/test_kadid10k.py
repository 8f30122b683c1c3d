"""KADID-10k: what its file names say, and a score that is higher for better under the name dmos."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, read_folder
from modeling_rali.iqa_datasets.kadid10k import KADID10K

from .layouts import write_csv


def test_a_name_gives_reference_distortion_and_level(make_set: Callable[[str], Path]) -> None:
    first, second, *_ = KADID10K.records(make_set("kadid10k"))
    assert (first.reference, first.group, first.distortion, first.level) == ("I01", "I01", "Gaussian blur", 1)
    assert (second.distortion, second.level, second.mos_std) == ("contrast change", 5, 0.5)
    assert KADID10K.quality(first) > KADID10K.quality(second)


def test_the_references_among_the_pictures_are_not_taken_for_unlabelled(make_set: Callable[[str], Path]) -> None:
    assert read_folder("kadid10k", make_set("kadid10k")).unlabelled == ()


@pytest.mark.parametrize("name", ["I01_26_01.png", "cat.png"])
def test_a_name_that_says_nothing_is_an_error_at_its_line(name: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "dmos.csv", [["dist_img", "ref_img", "dmos", "var"], [name, "I01.png", 3, 0.5]])
    with pytest.raises(IQADatasetError, match=f"dmos.csv, line 2: '{name}'"):
        KADID10K.records(tmp_path)


def test_a_negative_variance_is_off_the_scale(make_set: Callable[[str], Path]) -> None:
    folder = make_set("kadid10k")
    labels = folder / "dmos.csv"
    labels.write_text(labels.read_text().replace("0.25", "-0.25", 1))
    assert read_folder("kadid10k", folder).off_scale == ("I01_01_01.png: standard deviation nan",)

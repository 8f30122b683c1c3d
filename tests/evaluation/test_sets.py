from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.evaluation.sets import read_set
from modeling_rali.iqa_datasets import IQADatasetError
from tests.iqa_datasets.layouts import LAYOUTS

from .conftest import MakeSet


@pytest.fixture
def official(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        LAYOUTS[name](tmp_path / name)
        return tmp_path / name

    return make


def test_the_default_is_the_official_test_split_or_all(official: Callable[[str], Path]) -> None:
    biq, agiqa = read_set("biq2021", official("biq2021")), read_set("agiqa3k", official("agiqa3k"))
    assert (biq.split, len(biq.pictures)) == ("test", 3)
    assert (agiqa.split, len(agiqa.pictures)) == ("all", 24)


def test_a_leaking_split_and_an_excerpt_are_noted_with_the_published_number(official: Callable[[str], Path]) -> None:
    biq, agiqa = read_set("biq2021", official("biq2021")), read_set("agiqa3k", official("agiqa3k"))
    assert biq.n_published == 2_000 and agiqa.n_published == 2_982
    assert [note.partition(":")[0] for note in biq.notes] == [
        "the split leaks",
        "an excerpt, 3 of the 2,000 pictures published",
    ]
    assert [note.partition(":")[0] for note in agiqa.notes] == ["an excerpt, 24 of the 2,982 pictures published"]


def test_an_official_split_that_does_not_leak_is_not_said_to(official: Callable[[str], Path]) -> None:
    (note,) = read_set("koniq10k", official("koniq10k")).notes
    assert note.startswith("an excerpt, 2 of the 2,015 pictures published")


def test_a_split_of_ours_is_noted(official: Callable[[str], Path]) -> None:
    (note,) = read_set("kadid10k", official("kadid10k"), "train").notes
    assert note == "the owners define no split: this part is ours, by a hash of the reference"


def test_quality_is_higher_for_better_on_a_set_of_dmos(official: Callable[[str], Path]) -> None:
    csiq = read_set("csiq", official("csiq"))
    qualities = {record.mos: quality for record, _, quality in csiq.pictures}
    assert qualities == pytest.approx({0.25: 0.75, 0.75: 0.25})


def test_the_paths_are_those_of_the_pictures(make_set: MakeSet) -> None:
    one = read_set("folder", make_set(count=4))
    assert [Path(path).name for _, path, _ in one.pictures] == [record.image for record, _, _ in one.pictures]
    assert one.n_published is None and one.notes == ()


def test_missing_pictures_are_an_error_unless_allowed(make_set: MakeSet) -> None:
    folder = make_set(count=4)
    (folder / "02.png").unlink()
    with pytest.raises(IQADatasetError, match=r"labels without their picture \(1\): 02\.png"):
        read_set("folder", folder)
    one = read_set("folder", folder, allow_missing=True)
    assert [record.image for record, _ in one.missing] == ["02.png"] and len(one.pictures) == 3


def test_a_split_that_is_not_there_is_refused(official: Callable[[str], Path]) -> None:
    with pytest.raises(IQADatasetError, match="no picture in the split 'validation'; there are test, train, all"):
        read_set("biq2021", official("biq2021"), "validation")

"""KonIQ-10k: both of its CSVs, both picture sizes, the real label file."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.koniq10k import KONIQ10K, WITH_SPLIT, WITHOUT_SPLIT

from .layouts import picture, write_csv

OLD_HEAD = ["image_name", "c1", "c2", "c3", "c4", "c5", "c_total", "MOS", "SD", "MOS_zscore"]


def test_the_real_label_file_has_the_official_split_and_scores(shared_dir: Path) -> None:
    records = {record.image: record for record in KONIQ10K.records(shared_dir / "labels")}
    assert len(records) == KONIQ10K.images
    assert Counter(record.split for record in records.values()) == KONIQ10K.official_splits
    assert records["10004473376.jpg"].mos == 77.3836206897
    assert records["10004473376.jpg"].split == "train"
    assert records["10007357496.jpg"].mos == 68.7285714286
    assert records["10007357496.jpg"].mos_std == 0.580003024795
    assert records["10007357496.jpg"].split == "test"
    assert all(0 <= KONIQ10K.quality(record) <= 1 for record in records.values())


def test_the_older_file_is_read_by_its_zscore_and_has_no_split(tmp_path: Path) -> None:
    write_csv(tmp_path / WITHOUT_SPLIT, [OLD_HEAD, ["1.jpg", 0, 0, 25, 73, 7, 105, 3.83, 0.53, 77.38]])
    picture(tmp_path / "512x384" / "1.jpg")
    dataset = load_iqa_dataset("koniq10k", tmp_path)
    assert (dataset[0]["mos"], dataset[0]["mos_std"]) == (77.38, 0.53)
    with pytest.raises(IQADatasetError, match=WITH_SPLIT):
        load_iqa_dataset("koniq10k", tmp_path, "test")


def test_the_file_with_the_split_is_preferred(make_set: Callable[[str], Path]) -> None:
    folder = make_set("koniq10k")
    write_csv(folder / WITHOUT_SPLIT, [OLD_HEAD])
    assert {record.split for record in KONIQ10K.records(folder)} == {"train", "validation", "test"}


def test_the_larger_pictures_are_preferred(make_set: Callable[[str], Path]) -> None:
    folder = make_set("koniq10k")
    picture(folder / "512x384" / "004473376.jpg")
    assert len(load_iqa_dataset("koniq10k", folder)) == 6

"""AGIQA-3K: quality and not alignment, generators, prompts as groups."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.agiqa3k import AGIQA3K


def test_the_score_is_that_of_quality(make_set: Callable[[str], Path]) -> None:
    record = AGIQA3K.records(make_set("agiqa3k"))[-1]
    assert (record.image, record.mos, record.mos_std) == ("sd1.5_lowstep_011.jpg", 2.75, 0.3)
    assert (record.generator, record.prompt, record.group) == ("sd1.5", "a cat, number 11", "a cat, number 11")


def test_pictures_beside_the_csv_or_in_a_folder_load(make_set: Callable[[str], Path]) -> None:
    folder = make_set("agiqa3k")
    beside = load_iqa_dataset("agiqa3k", folder)["image_id"]
    (folder / "images").mkdir()
    for path in folder.glob("*.jpg"):
        path.rename(folder / "images" / path.name)
    assert load_iqa_dataset("agiqa3k", folder)["image_id"] == beside


def test_a_name_without_a_setting_is_an_error(make_set: Callable[[str], Path]) -> None:
    folder = make_set("agiqa3k")
    labels = folder / "data.csv"
    labels.write_text(labels.read_text().replace("AttnGAN_normal_000", "AttnGAN"))
    with pytest.raises(IQADatasetError, match=r"line 2: 'AttnGAN\.jpg'"):
        AGIQA3K.records(folder)


def test_the_shared_pictures_are_of_ten_settings_of_six_generators(shared_dir: Path) -> None:
    records = AGIQA3K.records(shared_dir / "data" / "AGIQA-3K")
    assert {record.generator for record in records} == {"AttnGAN", "DALLE2", "glide", "midjourney", "sd1.5", "xl2.2"}
    assert len(records) == 10 * len({record.group for record in records})

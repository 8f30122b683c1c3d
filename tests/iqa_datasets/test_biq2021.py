"""BIQ2021: two CSVs, one with empty columns, and one .JPG that its row calls .jpg."""

from collections.abc import Callable
from pathlib import Path

from modeling_rali.iqa_datasets import load_iqa_dataset
from modeling_rali.iqa_datasets.biq2021 import BIQ2021


def test_the_file_that_differs_from_its_row_by_letter_case_is_found(make_set: Callable[[str], Path]) -> None:
    dataset = load_iqa_dataset("biq2021", make_set("biq2021"), "train")
    assert dataset["image_id"] == [f"ss01 ({index}).jpg" for index in range(1, 6)]
    assert dataset["mos"] == [0.125, 0.25, 0.375, 0.5, 0.625]


def test_the_shared_scores_are_those_of_their_lines(shared_dir: Path) -> None:
    scores = {record.image: (record.mos, record.split) for record in BIQ2021.records(shared_dir / "data" / "BIQ2021")}
    assert scores["ss03 (4534).jpg"] == (0.7626, "test")
    assert scores["ss02 (1896).jpg"] == (0.8151, "train")

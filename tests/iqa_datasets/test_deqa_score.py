"""Data-DeQA-Score metas: three JSON shapes, the split in the file's name, quality from the normed score."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.deqa_score import DEQA_SCORE


def test_lists_results_and_data_are_read_with_the_split_of_their_file(make_set: Callable[[str], Path]) -> None:
    records = DEQA_SCORE.records(make_set("deqa_score"))
    assert Counter(record.split for record in records) == {"train": 4, "test": 2, "validation": 2}


def test_quality_is_the_normed_score_mapped_from_one_to_five(make_set: Callable[[str], Path]) -> None:
    row = load_iqa_dataset("deqa_score", make_set("deqa_score"), "test")[0]
    assert (row["image_id"], row["mos"], row["quality"], row["mos_std"]) == ("4.jpg", 80.0, 0.5, 0.5)


def test_a_normed_score_beyond_five_is_off_the_scale(make_set: Callable[[str], Path]) -> None:
    folder = make_set("deqa_score")
    meta = folder / "metas" / "test_koniq_2k.json"
    meta.write_text(meta.read_text().replace('"gt_score_norm": 3.5', '"gt_score_norm": 5.5'))
    with pytest.raises(IQADatasetError, match=r"scores off the set's scale \(1\): 5\.jpg"):
        load_iqa_dataset("deqa_score", folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("{}", "neither a list"),
        ("[3]", "neither a list"),
        ('[{"image": "KONIQ/images/1.jpg", "gt_score": 3}]', "record 0: no value for gt_score_norm"),
        ('[{"image": "1.jpg", "gt_score": 3, "gt_score_norm": 3}]', "not in a folder images/"),
        ('[{"image": "images/1.jpg", "gt_score": "high", "gt_score_norm": 3}]', "'high' is not a number"),
    ],
)
def test_a_meta_of_another_form_is_an_error_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "metas").mkdir()
    (tmp_path / "metas" / "test_koniq.json").write_text(content)
    with pytest.raises(IQADatasetError, match=r"test_koniq\.json.*" + message):
        DEQA_SCORE.records(tmp_path)


def test_a_picture_in_two_metas_is_reported(make_set: Callable[[str], Path]) -> None:
    folder = make_set("deqa_score")
    train = json.loads((folder / "metas" / "train_koniq_7k.json").read_text())
    (folder / "metas" / "test_extra.json").write_text(json.dumps(train[:1]))
    with pytest.raises(IQADatasetError, match=r"pictures labelled more than once \(1\): 0\.jpg"):
        load_iqa_dataset("deqa_score", folder)

"""CSIQ: the owners' workbook and the field's text file, lower is better."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError, load_iqa_dataset
from modeling_rali.iqa_datasets.csiq import CSIQ, TEXT, WORKBOOK


def test_the_workbook_s_words_become_file_names(make_set: Callable[[str], Path]) -> None:
    first, second, *_ = CSIQ.records(make_set("csiq"))
    assert (first.image, first.distortion, first.level) == ("awgn/1600.AWGN.3.png", "white noise", 3)
    assert (second.image, second.distortion) == ("jpeg2000/1600.jpeg2000.3.png", "JPEG2000 compression")
    assert (first.mos, first.mos_std, first.group) == (0.25, 0.05, "1600")


def test_a_low_dmos_is_a_high_quality(make_set: Callable[[str], Path]) -> None:
    assert not CSIQ.higher_is_better
    dataset = load_iqa_dataset("csiq", make_set("csiq"))
    assert dataset["quality"][:2] == [0.75, 0.25]


@pytest.mark.parametrize("ending", [".png", ""])
def test_the_text_file_gives_the_same_scores_without_deviations(make_set: Callable[[str], Path], ending: str) -> None:
    folder = make_set("csiq")
    workbook = load_iqa_dataset("csiq", folder)
    lines = [
        f"{Path(name).stem}{ending} {mos}\n" for name, mos in zip(workbook["image_id"], workbook["mos"], strict=True)
    ]
    (folder / WORKBOOK).unlink()
    (folder / TEXT).write_text("".join(lines))
    text = load_iqa_dataset("csiq", folder)
    assert (
        text.remove_columns(["image", "mos_std"]).to_list() == workbook.remove_columns(["image", "mos_std"]).to_list()
    )
    assert set(text["mos_std"]) == {None}


def test_a_line_of_another_form_is_an_error_at_its_place(tmp_path: Path) -> None:
    (tmp_path / TEXT).write_text("1600.AWGN.1.png 0.1\n1600.AWGN.2.png\n")
    with pytest.raises(IQADatasetError, match=f"{TEXT}, line 2"):
        CSIQ.records(tmp_path)
    (tmp_path / TEXT).write_text("1600.fog.1.png 0.1\n")
    with pytest.raises(IQADatasetError, match="fog"):
        CSIQ.records(tmp_path)

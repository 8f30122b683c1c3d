"""A text bank finds the nearest text, and comes back from its file as it was."""

from pathlib import Path

import pytest
import torch

from modeling_rali.inference import TextBank


def test_nearest_is_the_highest_cosine_after_a_round_trip(tmp_path: Path) -> None:
    embeds = torch.randn(5, 8)
    texts = [f"Text {index}, Ümlaut." for index in range(5)]
    TextBank(texts, embeds).save(tmp_path / "bank.parquet")
    bank = TextBank.read(tmp_path / "bank.parquet")
    assert bank.texts == texts
    query = torch.randn(8)
    expected = int(torch.nn.functional.cosine_similarity(embeds, query[None]).argmax())
    assert bank.nearest(10 * query) == texts[expected]


def test_bank_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="8 wide and the model's 4: it belongs to another model"):
        TextBank(["a"], torch.randn(1, 8)).nearest(torch.randn(4))


def test_bank_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="0 texts"):
        TextBank([], torch.zeros(0, 8))


def test_file_that_is_no_bank_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bank.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="is not a text bank"):
        TextBank.read(tmp_path / "bank.parquet")
    with pytest.raises(OSError, match=r"none\.parquet"):
        TextBank.read(tmp_path / "none.parquet")

"""The example of the differentiable reward, as a user starts it."""

from pathlib import Path

import pytest
from PIL import Image

from modeling_rali.inference import score_files

from .running import EXAMPLES, scores_of


def test_blurred_picture_is_improved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blurred = EXAMPLES.parents[1] / "samples" / "astronaut-blurred.jpg"
    [(before, after)] = scores_of("improve_a_picture", monkeypatch, capsys, blurred, tmp_path / "better.png")
    assert after > before + 0.1
    with Image.open(tmp_path / "better.png") as better, Image.open(blurred) as picture:
        assert better.size == picture.size
    [result] = score_files([tmp_path / "better.png"])
    assert result.score == pytest.approx(after, abs=0.05)  # the file has 8 bits a channel

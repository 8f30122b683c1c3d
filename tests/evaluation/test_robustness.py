"""Robustness: the arithmetic, and the shipped model on real pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modeling_rali.evaluation.robustness import DEGRADATIONS, falls, resizing_shift, scores_by_level
from modeling_rali.evaluation.sets import read_set
from modeling_rali.image_processing_rali import UnreadableImageError, read_image
from modeling_rali.inference.loading import load_model
from modeling_rali.modeling_rali import RaliModel
from modeling_rali.reasoning.degradations import degrade


@pytest.fixture(scope="module")
def model() -> RaliModel:
    return load_model(fused=True)


@pytest.fixture(scope="module")
def best(shared_dir: Path) -> list[str]:
    """The twenty test photos with the highest MOS."""
    pictures = read_set("biq2021", shared_dir / "data" / "BIQ2021").pictures
    return [path for _, path, _ in sorted(pictures, key=lambda picture: -picture[2])[:20]]


def test_falls_is_strict() -> None:
    assert falls([3.0, 2.0, 1.0])
    assert not falls([3.0, 3.0, 1.0])
    assert not falls([3.0, 1.0, 2.0])


def test_scores_are_of_the_picture_as_it_is_and_at_each_level(model: RaliModel, best: list[str]) -> None:
    scores = scores_by_level(model, best[:2], "jpeg")
    assert scores.shape == (6, 2)
    picture = read_image(best[1])
    for level, seen in ((0, picture), (3, degrade(picture, "jpeg", 3))):
        alone = model(model.image_processor.pixels(seen)[None]).score.item()
        assert scores[level, 1] == pytest.approx(alone, abs=1e-5)


def test_unreadable_picture_is_named(model: RaliModel, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError, match=r"broken\.png"):
        scores_by_level(model, [str(tmp_path / "broken.png")], "jpeg")


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_shipped_model_marks_good_photos_down_as_they_are_degraded(
    model: RaliModel, best: list[str], name: str
) -> None:
    assert falls(scores_by_level(model, best, name).mean(axis=1).tolist())


def test_shipped_model_scores_a_smaller_photo_alike(model: RaliModel, best: list[str]) -> None:
    assert resizing_shift(model, best) < 0.2


def test_resizing_shift_is_a_mean_of_absolute_differences(model: RaliModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    Image.new("RGB", (128, 128), "grey").save(tmp_path / "grey.png")
    paths = [str(tmp_path / name) for name in ("noise.png", "grey.png")]
    each = [resizing_shift(model, [path], 0.5) for path in paths]
    assert resizing_shift(model, paths, 0.5) == pytest.approx(np.mean(each))
    assert each[0] > 0.05

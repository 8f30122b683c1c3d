"""Drawn maps, and that the embedded checkpoint's are lower where a picture is spoilt."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_rali import RaliModel
from modeling_rali.inference import draw_map, load_model
from modeling_rali.reasoning.degradations import degrade

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def nano() -> RaliModel:
    return load_model(device="cpu", fused=True)


def test_drawing_has_the_pictures_shape_and_a_legend(tiny_efficientnet: RaliModel, photo: Image.Image) -> None:
    plain, whole = (draw_map(tiny_efficientnet, photo, legend=legend) for legend in (False, True))
    assert plain.size == photo.size
    assert whole.width == photo.width
    assert whole.height > photo.height
    assert np.array_equal(np.asarray(whole)[: photo.height], np.asarray(plain))
    assert np.asarray(whole)[-1].min() == 255  # the strip's margin


def test_large_picture_is_drawn_smaller(tiny_efficientnet: RaliModel, photo: Image.Image) -> None:
    assert draw_map(tiny_efficientnet, photo.resize((900, 600)), longest=300, legend=False).size == (300, 200)


def test_only_what_the_model_sees_is_drawn(tiny_clip: RaliModel, photo: Image.Image) -> None:
    assert draw_map(tiny_clip, photo, legend=False).size == (60, 60)


def change_by_half(nano: RaliModel, image: Image.Image, degradation: str, left: bool) -> tuple[float, float]:
    """What spoiling one half does to the map in that half and in the other one, away from their border."""
    middle = image.width // 2
    start = 0 if left else middle
    half = image.copy()
    half.paste(degrade(image, degradation, 4).crop((start, 0, start + middle, image.height)), (start, 0))
    with torch.inference_mode():
        before, after = (nano.score_map(nano.image_processor.pixels(one)) for one in (image, half))
    edge = 4  # windows that lie wholly in one half
    halves = (after - before)[:, :edge].mean().item(), (after - before)[:, -edge:].mean().item()
    return halves if left else halves[::-1]


@pytest.mark.parametrize("degradation", ["gaussian_blur", "jpeg", "pixelate"])
def test_spoilt_half_is_lower(nano: RaliModel, degradation: str) -> None:
    changes = []
    for name in ("astronaut", "cat", "coffee", "rocket"):
        with Image.open(SAMPLES / f"{name}.jpg") as file:
            image = file.convert("RGB")
        changes += [change_by_half(nano, image, degradation, left) for left in (True, False)]
    in_it, beside_it = np.mean(changes, axis=0)
    assert in_it < -0.3
    assert in_it < beside_it - 0.3
    assert sum(spoilt < other for spoilt, other in changes) >= len(changes) - 2

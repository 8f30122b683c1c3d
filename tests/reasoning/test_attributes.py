"""Each measure follows what it is named after."""

import numpy as np
import pytest
from PIL import Image

from modeling_rali.reasoning.attributes import measure
from modeling_rali.reasoning.degradations import degrade


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(40, 216, (12, 16, 3), dtype=np.uint8)).resize(
        (160, 120), Image.Resampling.NEAREST
    )
    return Image.fromarray((np.asarray(coarse) + rng.normal(0, 2, (120, 160, 3))).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("degradation", "attribute", "sign"),
    [
        ("gaussian_blur", "sharpness", -1),
        ("gaussian_blur", "detail", -1),
        ("gaussian_noise", "noise", 1),
        ("darken", "brightness", -1),
        ("darken", "dark", 1),
        ("overexpose", "brightness", 1),
        ("overexpose", "burnt", 1),
        ("low_contrast", "contrast", -1),
        ("desaturate", "colourfulness", -1),
        ("saturate", "colourfulness", 1),
        ("jpeg", "blocking", 1),
    ],
)
def test_measure_moves_with_its_degradation(scene: Image.Image, degradation: str, attribute: str, sign: int) -> None:
    before, after = (getattr(measure(image), attribute) for image in (scene, degrade(scene, degradation, 4)))
    assert sign * (after - before) > 0.01


def test_noise_is_its_deviation() -> None:
    rng = np.random.default_rng(0)
    grey = np.repeat((128 + rng.normal(0, 10, (256, 256, 1))).clip(0, 255), 3, axis=2).astype(np.uint8)
    assert np.exp(measure(Image.fromarray(grey)).noise) == pytest.approx(10, rel=0.05)


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    red, green, blue = (pixels[..., channel].astype(np.float64) for channel in range(3))
    rg, yb = red - green, 0.5 * (red + green) - blue
    expected = np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    assert measure(Image.fromarray(pixels)).colourfulness == pytest.approx(expected, rel=1e-5)


def test_flat_picture_has_finite_measures() -> None:
    assert np.isfinite(measure(Image.new("RGB", (64, 48), (90, 90, 90)))).all()


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="a picture of 15 × 40 pixels is too small"):
        measure(Image.new("RGB", (15, 40)))

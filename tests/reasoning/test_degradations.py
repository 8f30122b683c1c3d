"""Degradations keep the size, follow the seed, and grow with the level."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from modeling_rali.reasoning.degradations import DEGRADATIONS, LEVELS, degrade


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """A colourful picture with edges and texture, 480 × 360."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(40, 216, (24, 32, 3), dtype=np.uint8)).resize(
        (480, 360), Image.Resampling.BICUBIC
    )
    return Image.fromarray((np.asarray(coarse) + rng.normal(0, 6, (360, 480, 3))).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_each_level_is_further_from_the_picture(scene: Image.Image, name: str) -> None:
    original = np.asarray(scene, dtype=np.float64)
    degraded = [degrade(scene, name, level, seed=1) for level in LEVELS]
    assert all(one.size == scene.size and one.mode == "RGB" for one in degraded)
    distances = [np.sqrt(((np.asarray(one) - original) ** 2).mean()) for one in degraded]
    assert distances[0] > 0
    assert all(earlier < later for earlier, later in pairwise(distances))


@pytest.mark.parametrize("name", ["gaussian_noise", "salt_and_pepper", "motion_blur"])
def test_chance_follows_the_seed(scene: Image.Image, name: str) -> None:
    first, again, other = (np.asarray(degrade(scene, name, 3, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_level_looks_the_same_at_another_size(scene: Image.Image) -> None:
    large = scene.resize((960, 720), Image.Resampling.BICUBIC)
    small = degrade(large, "gaussian_blur", 4).resize(scene.size, Image.Resampling.BOX)
    difference = np.asarray(small, dtype=float) - np.asarray(degrade(scene, "gaussian_blur", 4), dtype=float)
    assert np.abs(difference).mean() < 3


def test_unknown_names_and_levels_are_refused(scene: Image.Image) -> None:
    with pytest.raises(ValueError, match='no degradation "fog": choose among gaussian_blur'):
        degrade(scene, "fog", 1)
    with pytest.raises(ValueError, match="level 6 of jpeg: it must be from 1 to 5"):
        degrade(scene, "jpeg", 6)

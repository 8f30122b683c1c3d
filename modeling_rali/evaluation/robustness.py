"""Does a score fall as a picture is degraded, and stay as it is when the picture is merely made smaller?"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from ..image_processing_rali import read_image
from ..inference.scorer import score_rows
from ..modeling_rali import RaliModel
from ..reasoning.degradations import LEVELS, degrade

DEGRADATIONS = (
    "gaussian_blur",
    "motion_blur",
    "defocus",
    "gaussian_noise",
    "salt_and_pepper",
    "jpeg",
    "jpeg2000",
    "darken",
    "overexpose",
    "pixelate",
)
"""Those that make any picture worse. Colours and contrast are not among them: less of either may be an improvement."""


def scores_by_level(model: RaliModel, paths: Sequence[str], name: str) -> np.ndarray:
    """(1 + 5, N) scores of N pictures as they are, and degraded by `name` at levels 1 to 5.

    Raises:
        UnreadableImageError: for the first picture that cannot be shown.
        ValueError: for an unknown degradation.
    """
    pictures = [read_image(path) for path in paths]
    levels = [pictures] + [
        [degrade(picture, name, level, seed) for seed, picture in enumerate(pictures)] for level in LEVELS
    ]
    return np.stack([_scores(model, level) for level in levels])


def falls(mean_scores: Sequence[float]) -> bool:
    """Whether each score is below the one before it."""
    return all(after < before for before, after in pairwise(mean_scores))


def resizing_shift(model: RaliModel, paths: Sequence[str], factor: float = 0.75) -> float:
    """Mean over N pictures of |score after resizing to `factor` of both sides - score before|, on the model's range.

    Raises:
        UnreadableImageError: for the first picture that cannot be shown.
    """
    pictures = [read_image(path) for path in paths]
    smaller = [
        picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)
        for picture in pictures
    ]
    return float(np.abs(_scores(model, smaller) - _scores(model, pictures)).mean())


def _scores(model: RaliModel, pictures: Sequence[Image.Image]) -> np.ndarray:
    results = score_rows(model, [(str(index), picture) for index, picture in enumerate(pictures)])
    return np.array([result.score for result in results], dtype=np.float64)

"""What every measure asks of the scores it is given."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Statistic = Callable[[FloatArray, FloatArray], float]
"""A measure of agreement, `statistic(predictions, mos)`, such as `srcc`."""

LARGEST = 1e150  # above it a square overflows float64
ROUNDING = 1e-12  # a spread below this part of the largest magnitude is float64 rounding, not a difference


class UndefinedStatisticError(ValueError):
    """The scores are well-formed, but the statistic has no value on them: too few, or all alike."""


def as_scores(values: npt.ArrayLike, name: str) -> FloatArray:
    """`values` as a float64 array of shape (N,).

    Raises:
        ValueError: not one-dimensional, not real numbers, or a value that is NaN, infinite or beyond ±1e150; the message
            names `name` and the index.
    """
    scores = np.asarray(values)
    if scores.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, one score an image; got shape {scores.shape}")
    if scores.size and scores.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be real numbers; got {scores.dtype} values such as {scores[0]!r}")
    scores = scores.astype(np.float64)
    wrong = np.flatnonzero(~(np.abs(scores) <= LARGEST))
    if wrong.size:
        raise ValueError(
            f"{name}[{wrong[0]}] is {scores[wrong[0]]}, not a finite score ({wrong.size} such of {scores.size}); "
            "find out why it could not be scored, or leave the image out of both arrays"
        )
    return scores


def as_pair(predictions: npt.ArrayLike, mos: npt.ArrayLike, name: str = "predictions") -> tuple[FloatArray, FloatArray]:
    """Predictions, called `name` in errors, and labels of the same images: two float64 arrays of shape (N,), N ≥ 2.

    Raises:
        ValueError: as `as_scores`, or the lengths differ.
        UndefinedStatisticError: fewer than two images.
    """
    x, y = as_scores(predictions, name), as_scores(mos, "mos")
    if x.size != y.size:
        raise ValueError(f"{name} and mos must belong to the same images; got {x.size} and {y.size} scores")
    if x.size < 2:
        raise UndefinedStatisticError(f"at least 2 images are needed; got {x.size}")
    return x, y


def as_varying_pair(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """As `as_pair`, and neither array is constant (within float64 rounding), as a correlation needs.

    Raises:
        ValueError: as `as_pair`.
        UndefinedStatisticError: fewer than two images, or all predictions or all labels are the same.
    """
    x, y = as_pair(predictions, mos)
    for scores, name in ((x, "predictions"), (y, "mos")):
        if np.ptp(scores) <= max(ROUNDING * np.abs(scores).max(), 1 / LARGEST):
            raise UndefinedStatisticError(f"{name} are constant: all {scores.size} are {scores[0]}")
    return x, y

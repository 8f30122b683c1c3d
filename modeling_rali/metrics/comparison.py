"""Whether one model is better than another on the same images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .correlation import srcc
from .intervals import Interval, bootstrap_distribution, percentile_interval
from .validation import IntArray, Statistic, as_pair


@dataclass(frozen=True)
class PairedComparison:
    """First model less second: difference of a statistic, its confidence interval, and the p-value of no difference."""

    difference: float
    interval: Interval
    p_value: float


def paired_bootstrap(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    mos: npt.ArrayLike,
    *,
    statistic: Statistic = srcc,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedComparison:
    """Compare the predictions of two models (N,), (N,) for the same images with MOS (N,).

    Images are drawn with replacement, the same for both models, so what makes an image hard for both cancels. The interval is
    the percentile one of the difference; the two-sided p-value, in (0, 1], is 2 (1 + the number of resampled differences
    beyond zero, on the rarer side) / (1 + resamples), so it falls below 1 − level about where the interval leaves zero
    out (Efron and Tibshirani: An Introduction to the Bootstrap, 1993, chapters 13 and 15).

    Raises:
        ValueError: malformed scores, a level outside (0, 1), or too few resamples for it.
        UndefinedStatisticError: the statistic is undefined on the images, or on too many resamples.
    """
    a, y = as_pair(first, mos, "first")
    b, _ = as_pair(second, mos, "second")

    def difference(drawn: IntArray) -> float:
        return statistic(a[drawn], y[drawn]) - statistic(b[drawn], y[drawn])

    values = bootstrap_distribution(difference, y.size, resamples, seed)
    rarer = min(int(np.sum(values <= 0)), int(np.sum(values >= 0)))
    return PairedComparison(
        difference=difference(np.arange(y.size)),
        interval=percentile_interval(values, level),
        p_value=min(1.0, 2 * (1 + rarer) / (1 + resamples)),
    )

"""How sure a correlation is: confidence intervals by formula and by bootstrap."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from .validation import FloatArray, IntArray, Statistic, UndefinedStatisticError, as_pair

MAX_DEGENERATE = 0.1  # of the resamples; beyond it the interval would describe another experiment


class Interval(NamedTuple):
    """A confidence interval, low ≤ high."""

    low: float
    high: float


def plcc_interval(correlation: float, n: int, level: float = 0.95) -> Interval:
    """Fisher's interval of a Pearson correlation of `n` images: atanh r is near normal with variance 1/(n − 3).

    Exact in the limit for bivariate normal scores (Fisher 1921). Raises as `srcc_interval`.
    """
    return _fisher_interval(correlation, n, 1.0, level)


def srcc_interval(correlation: float, n: int, level: float = 0.95) -> Interval:
    """Fisher's interval of a Spearman correlation of `n` images, atanh r taken as normal with variance (1 + r²/2)/(n − 3).

    Bonett and Wright: Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
    Psychometrika 65, 2000. An approximation: for bivariate normal scores it covers within two points of 95 %.

    Raises:
        ValueError: a correlation outside [−1, 1], or a level outside (0, 1).
        UndefinedStatisticError: fewer than four images, or a correlation of ±1, whose transform is infinite.
    """
    return _fisher_interval(correlation, n, 1 + correlation**2 / 2, level)


def bootstrap_interval(
    statistic: Statistic,
    predictions: npt.ArrayLike,
    mos: npt.ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of any `statistic(predictions, mos)`, images drawn with replacement (Efron 1979).

    Raises:
        ValueError: malformed scores, a level outside (0, 1), or too few resamples for it.
        UndefinedStatisticError: the statistic is undefined on too many resamples, see `bootstrap_distribution`.
    """
    x, y = as_pair(predictions, mos)
    values = bootstrap_distribution(lambda drawn: statistic(x[drawn], y[drawn]), x.size, resamples, seed)
    return percentile_interval(values, level)


def bootstrap_distribution(statistic: Callable[[IntArray], float], n: int, resamples: int, seed: int) -> FloatArray:
    """Values (resamples,) of `statistic(indices)` on draws of n out of n images with replacement.

    A draw on which the statistic raises UndefinedStatisticError (all labels the same, say) is drawn again, so the values are
    conditional on its being defined; where that takes more than a tenth of `resamples` the call raises instead.

    Raises:
        ValueError: the statistic returns a number that is not finite.
        UndefinedStatisticError: it is undefined on too many draws.
    """
    generator = np.random.default_rng(seed)
    values: list[float] = []
    degenerate = 0
    while len(values) < resamples:
        try:
            values.append(statistic(generator.integers(n, size=n)))
        except UndefinedStatisticError as error:
            degenerate += 1
            if degenerate > MAX_DEGENERATE * resamples:
                raise UndefinedStatisticError(
                    f"no bootstrap on these {n} images: the statistic is undefined on too many resamples ({error})"
                ) from error
    if not np.isfinite(values).all():
        raise ValueError("the statistic is not finite on a resample; let it raise UndefinedStatisticError there")
    return np.array(values)


def percentile_interval(values: FloatArray, level: float) -> Interval:
    """The central part `level` of a bootstrap distribution (R,); raises ValueError unless a value falls in each tail."""
    tail = _tail(level)
    if values.size * tail < 1:
        raise ValueError(f"{values.size} resamples are too few for a level of {level}: take {int(np.ceil(1 / tail))}")
    low, high = np.quantile(values, (tail, 1 - tail))
    return Interval(float(low), float(high))


def _fisher_interval(correlation: float, n: int, variance: float, level: float) -> Interval:
    """tanh(atanh r ± z √(variance/(n − 3)))."""
    quantile = -norm.ppf(_tail(level))
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies in [-1, 1]; got {correlation}")
    if n < 4:
        raise UndefinedStatisticError(f"Fisher's interval needs at least 4 images; got {n}")
    if abs(correlation) == 1:
        raise UndefinedStatisticError(f"Fisher's interval does not exist at a correlation of {correlation}")
    reach = quantile * np.sqrt(variance / (n - 3))
    centre = np.arctanh(correlation)
    return Interval(float(np.tanh(centre - reach)), float(np.tanh(centre + reach)))


def _tail(level: float) -> float:
    """The probability left out on either side of a central interval."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    return (1 - level) / 2

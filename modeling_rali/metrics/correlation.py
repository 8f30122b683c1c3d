"""How well predicted scores agree with subjective ones: the measures of VQEG and ITU-T P.1401.

Every function takes two arrays of shape (N,), the predictions and the (D)MOS of the same images, and raises ValueError on NaN
or infinite scores, other shapes or unequal lengths, and UndefinedStatisticError (a ValueError) where it has no value:
fewer than two images or, for the correlations, constant predictions or labels.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from .validation import as_pair, as_varying_pair


def srcc(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> float:
    """Spearman's rank correlation, in [−1, 1]: prediction monotonicity.

    The Pearson correlation of the ranks, ties by average rank; unchanged by any increasing map of either array
    (Spearman 1904). It is negative for a good model on DMOS.
    """
    return float(stats.spearmanr(*as_varying_pair(predictions, mos)).statistic)


def plcc(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> float:
    """Pearson's linear correlation, in [−1, 1]: prediction linearity, on the predictions as they are.

    For the correlation after the field's logistic mapping see `plcc_logistic`.
    """
    return float(stats.pearsonr(*as_varying_pair(predictions, mos)).statistic)


def krcc(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> float:
    """Kendall's rank correlation τ-b, in [−1, 1]: concordant less discordant pairs, corrected for ties (Kendall 1945)."""
    return float(stats.kendalltau(*as_varying_pair(predictions, mos), variant="b").statistic)


def rmse(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> float:
    """Root mean square error √(Σ(x − y)²/N) ≥ 0, in units of the MOS; predictions must be on the MOS scale."""
    x, y = as_pair(predictions, mos)
    return float(np.sqrt(np.mean((x - y) ** 2)))


def mae(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> float:
    """Mean absolute error Σ|x − y|/N ≥ 0, in units of the MOS; predictions must be on the MOS scale."""
    x, y = as_pair(predictions, mos)
    return float(np.mean(np.abs(x - y)))

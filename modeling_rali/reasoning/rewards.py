"""What a completion earns: the arithmetic of the rewards, in float64 and apart from TRL's calling form.

Ratings are (B, G): G completions of each of B images, NaN where a completion could not be read. A rank credit of such a
completion is NaN, so that it earns nothing in either direction there; it enters no mean, variance or rank, and an image
with none readable leaves the ranking. `score_credit`, `smooth_score_credit` and `format_credit` are what punishes it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import rankdata

from modeling_rali.metrics.validation import FloatArray, as_scores

from .parsing import Completion, ParsedDegradation, follows_format

DECIMALS = 9  # to which ratings and means are compared: eight ratings of 3.7 have a mean of 3.7, not 3.7 + 4e-16
CLASS_SHARE = 0.25  # of the credit of a degradation for its class; the rest is for the class and the severity


def srcc_credit(
    ratings: npt.ArrayLike,
    labels: npt.ArrayLike,
    bank_means: npt.ArrayLike | None = None,
    bank_labels: npt.ArrayLike | None = None,
) -> FloatArray:
    """How well the batch would be ranked if this completion alone spoke for its image.

    r_ij = ρ((μ_1, …, q_ij in place of μ_i, …, μ_B), (y_1, …, y_B)), with q the ratings, μ_i the mean of image i's readable
    ratings, y the labels and ρ Spearman's correlation, ties by average rank; the bank joins both sides.

    Args:
        ratings: (B, G), NaN where unreadable.
        labels: (B,), on any scale, higher is better.
        bank_means: (M,) means of other images, to rank against.
        bank_labels: (M,) their labels.

    Returns:
        (B, G) in [−1, 1]; 0 where ρ is undefined (one image, or all ratings or all labels equal); NaN where unreadable.

    Raises:
        ValueError: the shapes do not fit one another, or a label or a mean of the bank is not finite.
    """
    q, y = _as_ratings(ratings, labels)
    bank_q = as_scores([] if bank_means is None else bank_means, "bank_means")
    bank_y = as_scores([] if bank_labels is None else bank_labels, "bank_labels")
    if bank_q.size != bank_y.size:
        raise ValueError(f"the bank needs a label for every mean; got {bank_q.size} means and {bank_y.size} labels")
    credit = np.full(q.shape, np.nan)
    ranked = np.flatnonzero(~np.isnan(q).all(axis=1))
    q = q[ranked]
    means = np.concatenate([_means(q), np.round(bank_q, DECIMALS)])
    label_ranks = _centred_ranks(np.concatenate([y[ranked], bank_y]))

    # Replacing μ_i by q moves every other rank by at most one, and image i to where q belongs: with H(x) = 0, ½ or 1 for x
    # below, at or above 0, the rank of k is ½ + Σ_l H(μ_k − μ_l), l = k included. So no list is sorted B·G times.
    above_old = _step(means - means[: len(q), None])  # (B, N): μ_k against μ_i
    above_new = _step(means - q[..., None])  # (B, G, N): μ_k against q_ij
    ranks = _centred_ranks(means) - above_old[:, None] + above_new
    own = np.arange(len(q))
    below_new = 1 - above_new  # H(−x) = 1 − H(x)
    ranks[own, :, own] = below_new.sum(-1) - below_new[own, :, own] - (len(means) - 1) / 2

    covariance = ranks @ label_ranks
    spread = np.sqrt((ranks**2).sum(-1) * (label_ranks**2).sum())
    defined = spread > 0  # exact: ranks are multiples of ½. A NaN, from an unreadable rating, is not above 0
    values = np.divide(covariance, spread, out=np.zeros_like(spread), where=defined)
    credit[ranked] = np.where(np.isnan(q), np.nan, values.clip(-1, 1))
    return credit


def fidelity_credit(ratings: npt.ArrayLike, labels: npt.ArrayLike) -> FloatArray:
    """How truly this completion's comparisons with all other images of the batch go, under Thurstone's model.

    Against image z, p = Φ((q_ij − μ_z) / √(σ_i² + σ_z² + 1e-6)) is the probability of being rated the better one, with
    the mean μ and the population variance σ² over an image's readable ratings; g is 1, ½ or 0 as label i is above,
    equal to or below label z. The credit is √(p g) + √((1 − p)(1 − g)), averaged over z ≠ i (VisualQuality-R1,
    arXiv 2505.14460).

    Args:
        ratings: (B, G), NaN where unreadable.
        labels: (B,), on any scale, higher is better.

    Returns:
        (B, G) in [0, 1]; 0 where no other image can be compared with; NaN where unreadable.

    Raises:
        ValueError: the shapes do not fit one another, or a label is not finite.
    """
    q, y = _as_ratings(ratings, labels)
    credit = np.full(q.shape, np.nan)
    ranked = np.flatnonzero(~np.isnan(q).all(axis=1))
    q, y = q[ranked], y[ranked]
    means, variances = _means(q), np.nanvar(q, axis=1)
    deviation = np.sqrt(variances[:, None] + variances + 1e-6)  # (B, B)
    z = (q[..., None] - means) / deviation[:, None]  # (B, G, B)
    better = ((1 + np.sign(y[:, None] - y)) / 2)[:, None]
    fidelity = np.sqrt(ndtr(z) * better) + np.sqrt(ndtr(-z) * (1 - better))
    own = np.arange(len(q))
    fidelity[own, :, own] = 0
    credit[ranked] = np.where(np.isnan(q), np.nan, np.nansum(fidelity, axis=-1) / max(len(q) - 1, 1))
    return credit


def score_credit(ratings: npt.ArrayLike, labels: npt.ArrayLike, threshold: float = 0.35) -> FloatArray:
    """1 where |rating − label| < threshold, else 0, also where unreadable (Q-Insight, arXiv 2503.22679).

    Args:
        ratings: (B, G), NaN where unreadable.
        labels: (B,) on the scale of the ratings.
        threshold: in units of the scale; 0.35 is Q-Insight's on 1–5.

    Returns:
        (B, G) of 0 and 1.

    Raises:
        ValueError: the shapes do not fit one another, or a label is not finite.
    """
    q, y = _as_ratings(ratings, labels)
    return (np.round(np.abs(q - y[:, None]), DECIMALS) < threshold).astype(np.float64)


def smooth_score_credit(
    ratings: npt.ArrayLike, labels: npt.ArrayLike, score_range: tuple[float, float] = (1.0, 5.0)
) -> FloatArray:
    """1 − |rating − label| / (high − low), and 0 where unreadable: unlike `score_credit`, nearer is always better.

    Args:
        ratings: (B, G), NaN where unreadable.
        labels: (B,) on the scale of the ratings.
        score_range: (low, high) of the scale.

    Returns:
        (B, G) in [0, 1].

    Raises:
        ValueError: the shapes do not fit one another, or a label is not finite.
    """
    q, y = _as_ratings(ratings, labels)
    low, high = score_range
    return np.nan_to_num(1 - np.abs(q - y[:, None]) / (high - low), nan=0.0)


def degradation_credit(
    answers: Sequence[ParsedDegradation], degradations: Sequence[str], severities: Sequence[str | None]
) -> FloatArray:
    """0.25 for the right class and 0.75 more for the right severity of it; 0 where unreadable (Q-Insight).

    Args:
        answers: (N,) what was read.
        degradations: (N,) true classes; where it is "null" the class earns everything.
        severities: (N,) true severities, None or "null" for the class "null".

    Returns:
        (N,) of 0, 0.25 and 1.

    Raises:
        ValueError: the lengths differ.
    """
    return np.array(
        [
            (answer.degradation == degradation)
            * (CLASS_SHARE + (1 - CLASS_SHARE) * ((answer.severity or "null") == (severity or "null")))
            for answer, degradation, severity in zip(answers, degradations, severities, strict=True)
        ],
        dtype=np.float64,
    )


def format_credit(completions: Sequence[Completion], tasks: Sequence[str]) -> FloatArray:
    """1 for each completion that is reasoning and a readable answer in their tags and nothing else, otherwise 0.

    A rank credit leaves out what cannot be read: were its tags enough here, such an answer would earn more than a bad one.

    Args:
        completions: (N,).
        tasks: (N,), "rating" or "degradation".

    Returns:
        (N,).
    """
    return np.array([follows_format(*row) for row in zip(completions, tasks, strict=True)], dtype=np.float64)


def _as_ratings(ratings: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    q, y = np.asarray(ratings, dtype=np.float64), as_scores(labels, "labels")
    if q.ndim != 2 or len(q) != y.size:
        raise ValueError(f"ratings must be (images, completions) and labels (images,); got {q.shape} and {y.shape}")
    return np.round(q, DECIMALS), y


def _means(ratings: FloatArray) -> FloatArray:
    means: FloatArray = np.nanmean(ratings, axis=1)
    return means.round(DECIMALS)


def _centred_ranks(values: FloatArray) -> FloatArray:
    """Average ranks less their mean, (N + 1)/2."""
    return rankdata(values) - (values.size + 1) / 2


def _step(x: FloatArray) -> FloatArray:
    return (1 + np.sign(x)) / 2

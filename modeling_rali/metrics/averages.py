"""One figure for several sets."""

import numpy as np
import numpy.typing as npt

from .validation import as_scores


def plain_mean(values: npt.ArrayLike) -> float:
    """Mean of one value a set (S,), every set counting the same; raises ValueError on none or non-finite ones."""
    per_set = as_scores(values, "values")
    return weighted_mean(per_set, np.ones_like(per_set))


def weighted_mean(values: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """Σ nₛ vₛ / Σ nₛ: mean of one value a set (S,) weighted by its number of images (S,), the field's weighted average.

    Correlations are averaged as they are, without Fisher's transform, as the field's tables do.

    Raises:
        ValueError: no sets, lengths that differ, a value that is not finite, or a count that is not positive.
    """
    per_set, weights = as_scores(values, "values"), as_scores(counts, "counts")
    if per_set.size == 0 or per_set.size != weights.size:
        raise ValueError(f"one value and one count a set are needed; got {per_set.size} and {weights.size}")
    if weights.min() <= 0:
        raise ValueError(f"counts[{weights.argmin()}] is {weights.min()}, not a positive number of images")
    return float(np.average(per_set, weights=weights))

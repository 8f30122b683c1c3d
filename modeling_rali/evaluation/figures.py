"""Predictions of a model on a set → its figures.

Correlations are with `quality`, in which higher is better on every set, so that a good model's are positive on sets of DMOS
too. The RMSE is in units of the set's own (D)MOS: the logistic mapping that precedes it rises or falls as the labels do.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from ..metrics import (
    UndefinedStatisticError,
    bootstrap_interval,
    fit_logistic,
    krcc,
    paired_bootstrap,
    plcc,
    rmse,
    srcc,
    within_group,
)

GROUP_COLUMNS = ("generator", "distortion", "reference")
"""What a set's pictures are grouped by for `within_group`: the first of these columns that it has."""

_DIGITS = 6

T = TypeVar("T")


def figures(predictions: pa.Table, seed: int = 0) -> dict[str, Any]:
    """The figures of a table of predictions (see `predictions.predictions_table`) over the pictures that have a score.

    Args:
        predictions: columns quality, mos and score (null for a picture that failed), and a group column if there is one.
        seed: of the bootstrap.

    Returns:
        n, n_failed, srcc, srcc_ci95 (percentile bootstrap), plcc, krcc; plcc_logistic and rmse_logistic after the
        four-parameter logistic; within_group {by, mean, groups: {name: {n, srcc}}, left_out: {name: reason}}, null for a
        set without groups; and notes. A statistic that has no value is null, and a note says why.
    """
    scored = predictions.filter(pc.is_valid(predictions["score"]))
    score, quality, mos = (scored[name].to_numpy() for name in ("score", "quality", "mos"))
    reasons: dict[str, list[str]] = {}

    def defined(name: str, statistic: Callable[[], T]) -> T | None:
        try:
            return statistic()
        except UndefinedStatisticError as error:
            reasons.setdefault(str(error), []).append(name)
            return None

    mapped = defined("plcc_logistic, rmse_logistic", lambda: fit_logistic(score, mos)(score))
    grouped_by = next((name for name in GROUP_COLUMNS if name in scored.column_names), None)
    result = {
        "n": scored.num_rows,
        "n_failed": predictions.num_rows - scored.num_rows,
        "srcc": defined("srcc", lambda: _rounded(srcc(score, quality))),
        "srcc_ci95": defined("srcc_ci95", lambda: _interval(bootstrap_interval(srcc, score, quality, seed=seed))),
        "plcc": defined("plcc", lambda: _rounded(plcc(score, quality))),
        "plcc_logistic": None if mapped is None else _rounded(plcc(mapped, mos)),
        "krcc": defined("krcc", lambda: _rounded(krcc(score, quality))),
        "rmse_logistic": None if mapped is None else _rounded(rmse(mapped, mos)),
        "within_group": grouped_by and defined("within_group", lambda: _within(scored, grouped_by)),
    }
    notes = [f"{', '.join(names)}: undefined, {reason}" for reason, names in reasons.items()]
    return {**result, "notes": [*_failures(predictions), *notes]}


def comparison(first: pa.Table, second: pa.Table, seed: int = 0) -> dict[str, Any]:
    """First model less second on the pictures that both scored: difference of SRCC, its interval, and the p-value.

    Args:
        first: predictions of one model on a set.
        second: those of another one on the same set.
        seed: of the paired bootstrap.

    Returns:
        n, difference, ci95, p_value (null where undefined), notes.
    """
    both = pc.and_(pc.is_valid(first["score"]), pc.is_valid(second["score"]))
    one, other = first.filter(both), second.filter(both)
    scores = one["score"].to_numpy(), other["score"].to_numpy()
    result: dict[str, Any] = {"n": one.num_rows, "difference": None, "ci95": None, "p_value": None, "notes": []}
    try:
        compared = paired_bootstrap(*scores, one["quality"].to_numpy(), seed=seed)
    except UndefinedStatisticError as error:
        return {**result, "notes": [f"undefined, {error}"]}
    return {
        **result,
        "difference": _rounded(compared.difference),
        "ci95": _interval(compared.interval),
        "p_value": _rounded(compared.p_value),
    }


def _within(scored: pa.Table, grouped_by: str) -> dict[str, Any]:
    score, quality = (scored[name].to_numpy() for name in ("score", "quality"))
    within = within_group(score, quality, scored[grouped_by].to_pylist())
    return {
        "by": grouped_by,
        "mean": _rounded(within.mean),
        "groups": {
            name: {"n": group.count, "srcc": _rounded(group.srcc)} for name, group in sorted(within.groups.items())
        },
        "left_out": {name: group.reason for name, group in sorted(within.left_out.items())},
    }


def _failures(predictions: pa.Table, shown: int = 3) -> list[str]:
    failed = predictions.filter(pc.is_null(predictions["score"])).select(["image_id", "error"]).to_pylist()
    if not failed:
        return []
    listed = "; ".join(f"{row['image_id']}: {row['error'].rstrip('.')}" for row in failed[:shown])
    return [f"without {len(failed):,} that failed{', such as' if len(failed) > shown else ':'} {listed}"]


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


def _interval(bounds: Sequence[float]) -> list[float]:
    return [_rounded(bound) for bound in bounds]

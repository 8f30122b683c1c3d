"""SRCC within the groups of a set.

A set of several generators, distortions or references can be ranked well by telling the groups apart alone; the correlation
within each group shows what is left when they are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy.typing as npt

from .averages import weighted_mean
from .correlation import srcc
from .validation import UndefinedStatisticError, as_pair


@dataclass(frozen=True)
class GroupSrcc:
    """SRCC of the `count` images of one group."""

    srcc: float
    count: int


@dataclass(frozen=True)
class LeftOutGroup:
    """A group of `count` images that enters no mean, and why."""

    count: int
    reason: str


@dataclass(frozen=True)
class WithinGroup:
    """SRCC of every group, the groups left out, and `mean`, the mean SRCC weighted by group size, in [−1, 1]."""

    groups: dict[str, GroupSrcc]
    left_out: dict[str, LeftOutGroup]
    mean: float


def within_group(
    predictions: npt.ArrayLike, mos: npt.ArrayLike, groups: Sequence[str], *, min_count: int = 5
) -> WithinGroup:
    """SRCC between predictions (N,) and MOS (N,) within each group of images, `groups` naming the group of each (N).

    A group of fewer than `min_count` images, or with constant predictions or labels, is listed in `left_out`.

    Raises:
        ValueError: malformed scores, a number of group names other than N, or a name that is not a string.
        UndefinedStatisticError: no group is left.
    """
    x, y = as_pair(predictions, mos)
    if len(groups) != x.size:
        raise ValueError(f"groups must name the group of every image; got {len(groups)} names for {x.size} images")
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        if not isinstance(group, str):
            raise ValueError(f"groups[{index}] is {group!r}, not a string")
        members.setdefault(str(group), []).append(index)

    scored: dict[str, GroupSrcc] = {}
    left_out: dict[str, LeftOutGroup] = {}
    for group, indices in members.items():
        count = len(indices)
        if count < min_count:
            left_out[group] = LeftOutGroup(count, f"fewer than {min_count} images")
            continue
        try:
            scored[group] = GroupSrcc(srcc(x[indices], y[indices]), count)
        except UndefinedStatisticError as error:
            left_out[group] = LeftOutGroup(count, str(error))
    if not scored:
        group, first = next(iter(left_out.items()))
        raise UndefinedStatisticError(
            f"none of the {len(left_out)} groups has an SRCC; the first, {group!r} of {first.count}: {first.reason}"
        )
    mean = weighted_mean([group.srcc for group in scored.values()], [group.count for group in scored.values()])
    return WithinGroup(scored, left_out, mean)

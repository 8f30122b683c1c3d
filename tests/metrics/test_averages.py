"""Averages over sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_rali.metrics import plain_mean, weighted_mean


def test_large_sets_weigh_more_only_in_the_weighted_mean() -> None:
    assert weighted_mean([0.9, 0.5], [3000, 1000]) == pytest.approx(0.8)
    assert plain_mean([0.9, 0.5]) == pytest.approx(0.7)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 10_000)), min_size=1, max_size=10))
def test_a_weighted_mean_is_the_mean_of_the_repeated_values(sets: list[tuple[float, int]]) -> None:
    values, counts = zip(*sets, strict=True)
    assert weighted_mean(values, counts) == pytest.approx(np.mean(np.repeat(values, counts)), abs=1e-9)
    assert weighted_mean(values, [7] * len(values)) == pytest.approx(plain_mean(values), abs=1e-9)


def test_a_set_without_a_value_is_not_skipped() -> None:
    with pytest.raises(ValueError, match=r"values\[1\] is nan"):
        weighted_mean([0.9, np.nan], [10, 20])
    with pytest.raises(ValueError, match=r"values\[0\] is nan"):
        plain_mean([np.nan])


def test_sets_and_counts_must_match_and_exist() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        weighted_mean([0.9, 0.8], [10])
    with pytest.raises(ValueError, match="got 0 and 0"):
        plain_mean([])


@pytest.mark.parametrize("count", [0, -5])
def test_a_set_has_a_positive_number_of_images(count: int) -> None:
    with pytest.raises(ValueError, match=r"counts\[1\] is .*not a positive number"):
        weighted_mean([0.9, 0.8], [10, count])

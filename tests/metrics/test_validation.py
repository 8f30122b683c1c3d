"""Every measure refuses scores that mean nothing, and says which and why."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from modeling_rali.metrics import (
    UndefinedStatisticError,
    bootstrap_interval,
    fit_logistic,
    krcc,
    mae,
    paired_bootstrap,
    plcc,
    plcc_logistic,
    rmse,
    rmse_logistic,
    srcc,
    within_group,
)

GOOD = np.array([1.0, 2.5, 2.0, 4.0, 3.5, 5.0, 4.5])
CORRELATIONS = [srcc, plcc, krcc, plcc_logistic, rmse_logistic, fit_logistic]
MEASURES = [*CORRELATIONS, rmse, mae]


def within_two_groups(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> object:
    return within_group(predictions, mos, ["a", "b"] * 3 + ["a"], min_count=2)


def bootstrap_of_srcc(predictions: npt.ArrayLike, mos: npt.ArrayLike) -> object:
    return bootstrap_interval(srcc, predictions, mos, resamples=50)


every_measure = pytest.mark.parametrize("measure", [*MEASURES, within_two_groups, bootstrap_of_srcc])


@every_measure
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_a_score_that_is_not_finite_is_named_with_its_index(measure: Callable, value: float) -> None:
    bad = GOOD.copy()
    bad[3] = value
    with pytest.raises(ValueError, match=r"predictions\[3\].*not a finite score \(1 such of 7\)"):
        measure(bad, GOOD)
    with pytest.raises(ValueError, match=r"mos\[3\].*not a finite score"):
        measure(GOOD, bad)


@every_measure
def test_unequal_lengths_are_refused(measure: Callable) -> None:
    with pytest.raises(ValueError, match="got 7 and 6 scores"):
        measure(GOOD, GOOD[:-1])


@every_measure
def test_only_one_dimensional_scores_are_taken(measure: Callable) -> None:
    with pytest.raises(ValueError, match=r"predictions must be one-dimensional.*\(7, 1\)"):
        measure(GOOD[:, None], GOOD)
    with pytest.raises(ValueError, match=r"mos must be one-dimensional.*\(\)"):
        measure(GOOD, 3.0)


@every_measure
@pytest.mark.parametrize("kind", [str, bool, complex, object])
def test_only_real_numbers_are_taken(measure: Callable, kind: type) -> None:
    with pytest.raises(ValueError, match="mos must be real numbers"):
        measure(GOOD, GOOD.astype(kind))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_are_undefined(measure: Callable, count: int) -> None:
    with pytest.raises(UndefinedStatisticError, match=f"at least 2 images are needed; got {count}"):
        measure(GOOD[:count], GOOD[:count])


@pytest.mark.parametrize("measure", CORRELATIONS)
@pytest.mark.parametrize("value", [0.0, 3.3, -1e6])
def test_constant_scores_are_undefined_for_correlations(measure: Callable, value: float) -> None:
    with pytest.raises(UndefinedStatisticError, match="predictions are constant"):
        measure(np.full(7, value), GOOD)
    with pytest.raises(UndefinedStatisticError, match="mos are constant"):
        measure(GOOD, np.full(7, value))


@pytest.mark.parametrize("measure", CORRELATIONS)
def test_scores_that_differ_by_rounding_alone_count_as_constant(measure: Callable) -> None:
    rounding = 3.3 + np.spacing(3.3) * np.arange(7)
    assert np.unique(rounding).size == 7
    with pytest.raises(UndefinedStatisticError, match="predictions are constant"):
        measure(rounding, GOOD)


def test_a_comparison_names_the_model_whose_scores_are_wrong() -> None:
    bad = np.where(np.arange(7) == 2, np.nan, GOOD)
    with pytest.raises(ValueError, match=r"first\[2\]"):
        paired_bootstrap(bad, GOOD, GOOD)
    with pytest.raises(ValueError, match=r"second\[2\]"):
        paired_bootstrap(GOOD, bad, GOOD)


@pytest.mark.parametrize("measure", MEASURES)
def test_lists_integers_and_float32_are_taken_as_float64(measure: Callable) -> None:
    predictions = np.array([3, 1, 4, 2, 5, 9, 6])
    expected = measure(predictions.astype(np.float64), GOOD)
    assert measure(predictions.tolist(), GOOD.tolist()) == expected
    assert measure(predictions, GOOD.astype(np.float32)) == expected

"""Intervals hold what they promise: simulated at known correlations."""

import time

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from modeling_rali.metrics import (
    UndefinedStatisticError,
    bootstrap_interval,
    plcc,
    plcc_interval,
    rmse,
    srcc,
    srcc_interval,
)

Array = npt.NDArray[np.float64]
RHO = 0.8
SPEARMAN_RHO = 6 / np.pi * np.arcsin(RHO / 2)  # of a bivariate normal with Pearson correlation RHO


def bivariate(generator: np.random.Generator, count: int) -> tuple[Array, Array]:
    x = generator.normal(size=count)
    return x, RHO * x + np.sqrt(1 - RHO**2) * generator.normal(size=count)


def assert_coverage(covered: int, trials: int, level: float, slack: float = 0.0) -> None:
    """The number covered lies within the 99.9 % binomial range of the level, give or take `slack` on the level."""
    low, high = stats.binom.ppf(0.0005, trials, level - slack), stats.binom.ppf(0.9995, trials, level + slack)
    assert low <= covered <= high, f"{covered} of {trials}"


def test_fisher_intervals_cover_at_the_nominal_rate() -> None:
    generator = np.random.default_rng(0)
    trials, count = 500, 60
    samples = [bivariate(generator, count) for _ in range(trials)]
    spearman, pearson = [srcc(x, y) for x, y in samples], [plcc(x, y) for x, y in samples]
    for level in (0.8, 0.95):
        intervals = [plcc_interval(value, count, level) for value in pearson]
        assert_coverage(sum(low <= RHO <= high for low, high in intervals), trials, level)
        intervals = [srcc_interval(value, count, level) for value in spearman]
        covered = sum(low <= SPEARMAN_RHO <= high for low, high in intervals)
        assert_coverage(covered, trials, level, slack=0.02)  # the variance is an approximation


def test_bootstrap_intervals_cover_at_the_nominal_rate() -> None:
    def pearson(x: Array, y: Array) -> float:
        """`plcc` without its checks, which would take most of the time here."""
        x, y = x - x.mean(), y - y.mean()
        return float((x @ y) / np.sqrt((x @ x) * (y @ y)))

    generator = np.random.default_rng(1)
    trials = 150
    covered = 0
    for seed in range(trials):
        x, y = bivariate(generator, 100)
        low, high = bootstrap_interval(pearson, x, y, resamples=150, seed=seed)
        covered += low <= RHO <= high
    assert_coverage(covered, trials, 0.95, slack=0.03)  # the percentile bootstrap is a little narrow


def test_bootstrap_and_fisher_agree_on_many_images() -> None:
    x, y = bivariate(np.random.default_rng(2), 2000)
    bootstrap = bootstrap_interval(srcc, x, y, resamples=400)
    fisher = srcc_interval(srcc(x, y), 2000)
    assert bootstrap == pytest.approx(fisher, abs=0.006)


def test_three_thousand_images_take_seconds() -> None:
    x, y = bivariate(np.random.default_rng(3), 3000)
    start = time.process_time()
    bootstrap_interval(srcc, x, y, resamples=100)
    assert time.process_time() - start < 2  # a thousand resamples: below 20 s even on a slow machine


def test_the_seed_alone_decides_the_draws() -> None:
    x, y = bivariate(np.random.default_rng(4), 50)
    first = bootstrap_interval(srcc, x, y, resamples=100, seed=5)
    assert bootstrap_interval(srcc, x, y, resamples=100, seed=5) == first
    assert bootstrap_interval(srcc, x, y, resamples=100, seed=6) != first


def test_a_higher_level_or_fewer_images_widen_the_interval() -> None:
    for interval in (srcc_interval, plcc_interval):
        narrow, wide, wider = interval(0.7, 200), interval(0.7, 50), interval(0.7, 50, 0.99)
        assert wider.low < wide.low < narrow.low < 0.7 < narrow.high < wide.high < wider.high < 1
    x, y = bivariate(np.random.default_rng(6), 80)
    inner = bootstrap_interval(rmse, x, y, level=0.8, resamples=200)
    outer = bootstrap_interval(rmse, x, y, level=0.95, resamples=200)
    assert outer.low < inner.low < inner.high < outer.high


def test_spearman_s_interval_is_the_wider_one() -> None:
    assert srcc_interval(0.7, 50).low < plcc_interval(0.7, 50).low
    assert srcc_interval(0.0, 50) == pytest.approx(plcc_interval(0.0, 50))


def test_intervals_mirror_with_the_sign() -> None:
    for interval in (srcc_interval, plcc_interval):
        low, high = interval(0.6, 40)
        assert interval(-0.6, 40) == pytest.approx((-high, -low))


def test_a_rare_degenerate_resample_is_drawn_again() -> None:
    # Half of the labels tie: a resample holds nothing else with probability (1/2)⁶ ≈ 1.6 %.
    x, y = np.arange(6.0), np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    low, high = bootstrap_interval(srcc, x, y, resamples=200)
    assert -1 <= low < high <= 1


def test_too_many_degenerate_resamples_are_refused() -> None:
    # One label differs: a resample misses it with probability (1 − 1/20)²⁰ ≈ 36 %.
    x, y = np.arange(20.0), np.append(np.zeros(19), 1.0)
    with pytest.raises(UndefinedStatisticError, match=r"20 images.*too many resamples.*mos are constant"):
        bootstrap_interval(srcc, x, y)


def test_a_statistic_that_breaks_is_not_taken_for_a_degenerate_resample() -> None:
    def broken(x: Array, y: Array) -> float:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        bootstrap_interval(broken, np.arange(9.0), np.arange(9.0))
    with pytest.raises(ValueError, match="not finite on a resample"):
        bootstrap_interval(lambda x, y: float("nan"), np.arange(9.0), np.arange(9.0))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_is_a_probability(level: float) -> None:
    x, y = bivariate(np.random.default_rng(7), 30)
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        srcc_interval(0.5, 30, level)
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        bootstrap_interval(srcc, x, y, level=level, resamples=10)


def test_a_level_needs_enough_resamples_for_its_tails() -> None:
    x, y = bivariate(np.random.default_rng(8), 30)
    with pytest.raises(ValueError, match=r"39 resamples are too few for a level of 0\.95: take 40"):
        bootstrap_interval(srcc, x, y, resamples=39)
    bootstrap_interval(srcc, x, y, resamples=40)


def test_fisher_intervals_refuse_what_they_cannot_tell() -> None:
    for interval in (srcc_interval, plcc_interval):
        with pytest.raises(UndefinedStatisticError, match="at least 4 images; got 3"):
            interval(0.5, 3)
        with pytest.raises(UndefinedStatisticError, match="does not exist at a correlation of -1"):
            interval(-1.0, 30)
        for wrong in (1.2, float("nan")):
            with pytest.raises(ValueError, match="a correlation lies in"):
                interval(wrong, 30)

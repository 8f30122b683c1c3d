"""The paired bootstrap: honest under the null, sharp where models differ."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from modeling_rali.metrics import paired_bootstrap, plcc, rmse, srcc

Array = npt.NDArray[np.float64]


def pearson(x: Array, y: Array) -> float:
    """`plcc` without its checks, which would take most of the time in a simulation."""
    x, y = x - x.mean(), y - y.mean()
    return float((x @ y) / np.sqrt((x @ x) * (y @ y)))


def test_the_p_value_is_calibrated_where_models_are_equally_good() -> None:
    generator = np.random.default_rng(0)
    trials = 200
    p_values = []
    for seed in range(trials):
        mos = generator.normal(size=80)
        first, second = mos + 0.7 * generator.normal(size=(2, 80))
        p_values.append(paired_bootstrap(first, second, mos, statistic=pearson, resamples=120, seed=seed).p_value)
    for level in (0.05, 0.2, 0.5):
        rejected = sum(p <= level for p in p_values)
        slack = 0.03  # the percentile bootstrap of 80 images is near, not exact
        assert stats.binom.ppf(0.0005, trials, level - slack) <= rejected
        assert rejected <= stats.binom.ppf(0.9995, trials, level + slack)


def test_a_clearly_better_model_gets_a_small_p_value_and_a_positive_interval() -> None:
    generator = np.random.default_rng(1)
    mos = generator.normal(size=300)
    good, poor = mos + 0.3 * generator.normal(size=300), mos + 1.5 * generator.normal(size=300)
    result = paired_bootstrap(good, poor, mos, resamples=400)
    assert result.difference == pytest.approx(srcc(good, mos) - srcc(poor, mos))
    assert 0 < result.interval.low < result.difference < result.interval.high
    assert result.p_value == pytest.approx(2 / 401)  # the least that 400 resamples can tell


def test_swapping_the_models_turns_the_sign() -> None:
    generator = np.random.default_rng(2)
    mos = generator.normal(size=60)
    first, second = mos + generator.normal(size=(2, 60))
    one, other = (paired_bootstrap(a, b, mos, resamples=100) for a, b in ((first, second), (second, first)))
    assert one.difference == -other.difference
    assert one.interval == pytest.approx((-other.interval.high, -other.interval.low))
    assert one.p_value == other.p_value


def test_a_model_does_not_differ_from_itself_or_its_monotone_image() -> None:
    generator = np.random.default_rng(3)
    mos = generator.normal(size=50)
    model = mos + generator.normal(size=50)
    result = paired_bootstrap(model, np.exp(model), mos, resamples=100)
    assert result.difference == pytest.approx(0, abs=1e-12)
    assert result.interval == pytest.approx((0, 0), abs=1e-12)
    assert paired_bootstrap(model, model, mos, resamples=100).p_value == 1


def test_pairing_cancels_what_the_models_share() -> None:
    generator = np.random.default_rng(4)
    mos = generator.normal(size=200)
    shared = mos + generator.normal(size=200)
    first, second = shared + 0.1 * generator.normal(size=(2, 200))
    unrelated = mos + generator.normal(size=200)
    paired = paired_bootstrap(first, second, mos, resamples=200).interval
    independent = paired_bootstrap(first, unrelated, mos, resamples=200).interval
    assert paired.high - paired.low < 0.5 * (independent.high - independent.low)


def test_any_statistic_can_be_compared() -> None:
    generator = np.random.default_rng(5)
    mos = generator.normal(size=100)
    biased = mos + 2 + 0.2 * generator.normal(size=100)
    noisy = mos + 0.5 * generator.normal(size=100)
    assert paired_bootstrap(biased, noisy, mos, statistic=plcc, resamples=100).interval.low > 0
    assert paired_bootstrap(biased, noisy, mos, statistic=rmse, resamples=100).interval.low > 0

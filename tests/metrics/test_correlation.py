"""The correlations against their definitions, written out plainly."""

from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modeling_rali.metrics import krcc, mae, plcc, rmse, srcc

Array = npt.NDArray[np.float64]

# Few distinct values, so that ties abound.
tied_pairs = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 6)), min_size=2, max_size=25)
scores = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=25)


def varying(drawn: list[tuple[float, float]]) -> tuple[Array, Array]:
    x, y = np.array(drawn, dtype=np.float64).T
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    return x, y


def average_ranks(x: Array) -> Array:
    """Rank by counting: those below, and half of the ties."""
    return (x[None] < x[:, None]).sum(1) + 0.5 * (x[None] == x[:, None]).sum(1)


def pearson(x: Array, y: Array) -> float:
    x, y = x - x.mean(), y - y.mean()
    return float((x @ y) / np.sqrt((x @ x) * (y @ y)))


def tau_b(x: Array, y: Array) -> float:
    signs_x, signs_y = np.sign(x[:, None] - x[None]), np.sign(y[:, None] - y[None])
    return float((signs_x * signs_y).sum() / np.sqrt((signs_x**2).sum() * (signs_y**2).sum()))


@settings(deadline=None, max_examples=50)
@given(st.one_of(tied_pairs, pairs))
def test_correlations_equal_their_definitions_with_ties(drawn: list[tuple[float, float]]) -> None:
    x, y = varying(drawn)
    assert srcc(x, y) == pytest.approx(pearson(average_ranks(x), average_ranks(y)), abs=1e-12)
    assert krcc(x, y) == pytest.approx(tau_b(x, y), abs=1e-12)
    assert plcc(x, y) == pytest.approx(pearson(x, y), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_errors_equal_their_definitions(drawn: list[tuple[float, float]]) -> None:
    x, y = np.array(drawn).T
    assert rmse(x, y) == pytest.approx(np.linalg.norm(x - y) / np.sqrt(x.size))
    assert mae(x, y) == pytest.approx(sum(abs(a - b) for a, b in drawn) / len(drawn))
    assert rmse(x, x) == mae(x, x) == 0


@settings(deadline=None, max_examples=50)
@given(st.one_of(tied_pairs, pairs), st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter(drawn: list[tuple[float, float]], random: Random) -> None:
    x, y = varying(drawn)
    order = np.array(random.sample(range(x.size), x.size))
    for measure in (srcc, plcc, krcc, rmse, mae):
        assert measure(x[order], y[order]) == pytest.approx(measure(x, y), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.one_of(tied_pairs, pairs))
def test_rank_correlations_see_only_the_order_of_scores(drawn: list[tuple[float, float]]) -> None:
    x, y = varying(drawn)
    for measure in (srcc, krcc):
        value = measure(x, y)
        assert measure(np.arctan(x / 100), y) == pytest.approx(value, abs=1e-12)
        assert measure(x, (y + 2e3) ** 3) == pytest.approx(value, abs=1e-12)
        assert measure(-x, y) == pytest.approx(-value, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_plcc_ignores_scale_and_offset(drawn: list[tuple[float, float]]) -> None:
    x, y = varying(drawn)
    assert plcc(1e-6 * x, 1e6 * y - 3) == pytest.approx(plcc(x, y), abs=1e-6)
    assert plcc(x, -y) == pytest.approx(-plcc(x, y), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.one_of(tied_pairs, pairs))
def test_correlations_are_symmetric_bounded_and_one_on_themselves(drawn: list[tuple[float, float]]) -> None:
    x, y = varying(drawn)
    for measure in (srcc, plcc, krcc):
        assert measure(x, y) == pytest.approx(measure(y, x), abs=1e-12)
        assert -1 <= measure(x, y) <= 1
        assert measure(x, x) == pytest.approx(1)


def test_the_measures_are_plain_floats() -> None:
    for measure in (srcc, plcc, krcc, rmse, mae):
        assert type(measure([1, 2, 3], [1, 3, 2])) is float

"""The logistic mapping finds the curve that made the data, whatever their units, and refuses where there is none."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from modeling_rali.metrics import (
    LogisticFitError,
    LogisticMapping,
    UndefinedStatisticError,
    fit_logistic,
    plcc,
    plcc_logistic,
    rmse_logistic,
    srcc,
)

Array = npt.NDArray[np.float64]
both_curves = pytest.mark.parametrize("parameters", [4, 5])


def vqeg(x: Array, b1: float, b2: float, b3: float, b4: float) -> Array:
    return (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4))) + b2


def sheikh(x: Array, b1: float, b2: float, b3: float, b4: float, b5: float) -> Array:
    return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5


TRUE_CURVES = {
    "rising": lambda x: vqeg(x, 85.0, 15.0, 0.3, 0.4),
    "falling": lambda x: vqeg(x, 15.0, 85.0, -0.5, 0.7),
    "steep": lambda x: vqeg(x, 80.0, 20.0, 0.1, 0.05),
    "steep at an end": lambda x: vqeg(x, 80.0, 20.0, -1.6, 0.02),
    "one arm": lambda x: vqeg(x, 90.0, 10.0, 2.5, 0.6),
    "nearly straight": lambda x: vqeg(x, 400.0, -300.0, 0.0, 9.0),
}


@both_curves
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("curve", TRUE_CURVES)
def test_the_true_curve_comes_back_from_noisy_data_in_any_unit(
    curve: str, offset: float, unit: float, parameters: Literal[4, 5]
) -> None:
    generator = np.random.default_rng(7)
    noise = 3.0
    x = generator.normal(size=400)
    truth = TRUE_CURVES[curve](x)
    predictions = unit * (x + offset)
    mapped = fit_logistic(predictions, truth + noise * generator.normal(size=400), parameters)(predictions)
    # p parameters cost a root mean square error of σ √(p/n) on average; three times that leaves room for chance.
    assert np.sqrt(np.mean((mapped - truth) ** 2)) < 3 * noise * np.sqrt(parameters / 400)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_four_parameters_themselves_come_back_from_clean_data(unit: float) -> None:
    x = np.linspace(-3, 3, 200)
    rising = fit_logistic(unit * x, vqeg(x, 9.0, 2.0, 0.4, 0.6))
    assert rising.betas == pytest.approx((9.0, 2.0, 0.4 * unit, 0.6 * unit), rel=1e-3)
    falling = fit_logistic(unit * x, vqeg(x, 2.0, 9.0, 0.4, 0.6))
    assert falling.betas == pytest.approx((2.0, 9.0, 0.4 * unit, 0.6 * unit), rel=1e-3)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_five_parameters_themselves_come_back_from_clean_data(unit: float) -> None:
    x = np.linspace(-3, 3, 200)
    fitted = fit_logistic(unit * x, sheikh(x, 7.0, 2.5, 0.4, 0.8, 3.0), 5)
    assert fitted.betas == pytest.approx((7.0, 2.5 / unit, 0.4 * unit, 0.8 / unit, 3.0), rel=1e-3)


def test_a_mapping_computes_the_published_equations() -> None:
    x = np.linspace(-4, 4, 9)
    four, five = (5.0, 1.0, 0.3, 0.7), (5.0, 1.3, 0.2, 0.4, 2.0)
    np.testing.assert_allclose(LogisticMapping(four)(x), vqeg(x, *four))
    np.testing.assert_allclose(LogisticMapping(five)(x), sheikh(x, *five))


def test_a_mapping_saturates_without_overflow_far_outside_the_data() -> None:
    x = np.linspace(-3, 3, 50)
    mapping = fit_logistic(x, vqeg(x, 9.0, 2.0, 0.0, 0.5))
    with np.errstate(all="raise", under="ignore"):
        assert mapping([-1e9, 1e9]) == pytest.approx([2.0, 9.0], rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(8, 60),
    shape=st.sampled_from(["normal", "heavy-tailed", "discrete"]),
    target=st.sampled_from(["line", "noise", "parabola", "step", "noisy", "discrete"]),
    parameters=st.sampled_from([4, 5]),
)
def test_a_fit_is_never_worse_than_the_curves_it_contains(
    seed: int, count: int, shape: str, target: str, parameters: Literal[4, 5]
) -> None:
    generator = np.random.default_rng(seed)
    latent, noise = generator.normal(size=count), generator.normal(size=count)
    x = {"normal": latent, "heavy-tailed": np.exp(3 * latent), "discrete": np.round(4 * latent)}[shape]
    y = {
        "line": x,
        "noise": noise,
        "parabola": latent**2,
        "step": (latent > np.median(latent)) + 0.0,
        "noisy": latent + noise,
        "discrete": np.round(latent + noise),
    }[target]
    try:
        mapped = fit_logistic(x, y, parameters)(x)
    except LogisticFitError as error:
        assert np.unique(x).size <= parameters or "converge" in str(error)
        return
    except UndefinedStatisticError:
        assert np.ptp(x) == 0 or np.ptp(y) == 0
        return
    contained = np.polyval(np.polyfit(x / np.abs(x).max(), y, parameters - 4), x / np.abs(x).max())
    assert np.isfinite(mapped).all()
    assert np.sum((mapped - y) ** 2) <= np.sum((contained - y) ** 2) + 1e-8 * np.sum((y - y.mean()) ** 2)


@both_curves
def test_the_search_converges_on_pure_noise_too(parameters: Literal[4, 5]) -> None:
    for seed in range(10):
        x, y = np.random.default_rng(seed).normal(size=(2, 40))
        assert 0 < plcc_logistic(x, y, parameters) < 1


@both_curves
@pytest.mark.parametrize("shape", ["even", "skewed"])
@pytest.mark.parametrize(("noise", "slack"), [(0.3, 1e-3), (1.0, 0.01)])  # much noise makes many near-equal optima
def test_the_search_finds_what_a_dense_grid_finds(
    noise: float, slack: float, shape: str, parameters: Literal[4, 5]
) -> None:
    for seed in range(5):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=60)
        y = np.tanh(2 * x) + noise * generator.normal(size=60)
        if shape == "skewed":
            x = np.exp(2 * x)
        best = np.inf
        for centre in np.quantile(x, np.linspace(0, 1, 60)):
            for width in np.ptp(x) * np.geomspace(1e-3, 3, 20):
                columns = [np.ones(60), expit((x - centre) / width), x][: parameters - 2]
                residuals = np.linalg.lstsq(np.stack(columns, 1), y)[1]
                best = min(best, *residuals) if residuals.size else best
        assert rmse_logistic(x, y, parameters) ** 2 < best / 60 + slack * y.var()


@both_curves
def test_a_model_that_ties_on_most_images_is_mapped_too(parameters: Literal[4, 5]) -> None:
    x = np.maximum(np.random.default_rng(0).normal(size=300), 0.7)
    truth = vqeg(x, 9.0, 2.0, 1.3, 0.3)
    assert rmse_logistic(x, truth, parameters) < 0.01


def test_the_inflexion_may_lie_outside_the_data() -> None:
    x = np.linspace(-3, 3, 200)
    assert rmse_logistic(x, vqeg(x, 90.0, 10.0, 5.0, 0.7)) < 1e-3


@both_curves
def test_one_wild_outlier_does_not_spoil_the_curve(parameters: Literal[4, 5]) -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=300)
    y = vqeg(x, 85.0, 15.0, 0.3, 0.4) + generator.normal(size=300)
    wild = np.append(x, 1e5)
    assert rmse_logistic(wild, np.append(y, 85.0), parameters) == pytest.approx(1.0, rel=0.15)


@both_curves
def test_mapping_raises_plcc_on_a_saturating_model_and_spares_a_linear_one(parameters: Literal[4, 5]) -> None:
    generator = np.random.default_rng(1)
    mos = generator.uniform(1, 5, 300)
    saturating = expit(3 * (mos - 3) + 0.3 * generator.normal(size=300))
    assert plcc_logistic(np.exp(mos), mos, parameters) > plcc(np.exp(mos), mos) + 0.05
    assert plcc_logistic(mos, saturating, parameters) > plcc(mos, saturating) + 0.01
    assert plcc_logistic(mos, 2 * mos + 1, parameters) == pytest.approx(1, abs=1e-6)
    assert rmse_logistic(mos, 2 * mos + 1, parameters) < 1e-2


@both_curves
def test_dmos_is_mapped_the_right_way_round(parameters: Literal[4, 5]) -> None:
    generator = np.random.default_rng(2)
    quality = generator.normal(size=200)
    dmos = vqeg(quality, 10.0, 70.0, 0.0, 0.8) + generator.normal(size=200)
    assert srcc(quality, dmos) < -0.9
    assert plcc_logistic(quality, dmos, parameters) > 0.99
    assert plcc_logistic(-quality, dmos, parameters) == pytest.approx(plcc_logistic(quality, dmos, parameters))


@both_curves
def test_too_few_distinct_predictions_are_refused(parameters: Literal[4, 5]) -> None:
    few = np.repeat(np.arange(parameters, dtype=float), 10)
    with pytest.raises(LogisticFitError, match=f"more than {parameters} distinct predictions; got {parameters}"):
        fit_logistic(few, few + np.tile(np.arange(10.0), parameters), parameters)
    enough = np.append(few, float(parameters))
    assert np.isfinite(fit_logistic(enough, enough**2, parameters).betas).all()


@both_curves
def test_predictions_that_tell_nothing_are_refused_rather_than_mapped_to_a_constant(parameters: Literal[4, 5]) -> None:
    x = np.repeat(np.arange(8.0), 2)
    y = np.tile([1.0, 2.0], 8)
    with pytest.raises(LogisticFitError, match="the best logistic is flat"):
        fit_logistic(x, y, parameters)


def test_only_the_two_published_curves_are_offered() -> None:
    with pytest.raises(ValueError, match="parameters must be 4 or 5, got 3"):
        fit_logistic(np.arange(9.0), np.arange(9.0), 3)  # type: ignore[arg-type]

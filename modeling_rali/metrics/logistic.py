"""The logistic mapping of predictions onto the MOS scale that comes before PLCC and RMSE.

A model's scale is its own business, so VQEG fits a curve from predictions to MOS and then measures linearity and error. Two
curves are in use: the monotone logistic of four parameters (VQEG, Final Report from the Video Quality Experts Group on
the Validation of Objective Models of Video Quality Assessment, Phase I, 2000) and that of five with a linear
term (Sheikh, Sabir, Bovik: A Statistical Evaluation of Recent Full Reference Image Quality Assessment Algorithms, IEEE TIP
15(11), 2006), which follows more but need not be monotone. Say in a table which one it was.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import expit

from .correlation import plcc, rmse
from .validation import FloatArray, UndefinedStatisticError, as_scores, as_varying_pair

# In units of the predictions' spread: narrower is a step, wider is a straight line, for all that the data can tell.
WIDTHS = (0.001, 100.0)
START_WIDTHS = (0.01, 0.1, 1.0)
START_QUANTILES = np.linspace(0.05, 0.95, 10)
REFINED_STARTS = 3
TOLERANCE = 1e-6  # relative, of the squared error; finer, straight-line data never end their search for a width


class LogisticFitError(UndefinedStatisticError):
    """No logistic curve can be told from these scores."""


@dataclass(frozen=True)
class LogisticMapping:
    """A fitted curve; call it on predictions (N,) to get them on the MOS scale (N,).

    Four betas: f(x) = (β₁ − β₂) / (1 + exp(−(x − β₃)/β₄)) + β₂, with β₄ > 0 (VQEG writes |β₄|).
    Five betas: f(x) = β₁ (½ − 1/(1 + exp(β₂ (x − β₃)))) + β₄ x + β₅, with β₂ > 0.
    """

    betas: tuple[float, ...]

    def __call__(self, predictions: npt.ArrayLike) -> FloatArray:
        x = as_scores(predictions, "predictions")
        if len(self.betas) == 4:
            b1, b2, b3, b4 = self.betas
            return (b1 - b2) * expit((x - b3) / b4) + b2
        b1, b2, b3, b4, b5 = self.betas
        return b1 * (expit(b2 * (x - b3)) - 0.5) + b4 * x + b5


def fit_logistic(predictions: npt.ArrayLike, mos: npt.ArrayLike, parameters: Literal[4, 5] = 4) -> LogisticMapping:
    """The least-squares logistic from predictions (N,) to MOS (N,), rising or falling as the data do (DMOS).

    Given centre and width of the sigmoid the curve is linear in its other parameters, so only those two are searched
    (variable projection, Golub and Pereyra 1973), from the best points of a grid over the predictions' quantiles. So the
    error is never above that of the best constant or, with five parameters, of the best straight line. Both arrays are
    standardised first: the fitted curve does not depend on their units.

    Raises:
        ValueError: malformed scores (see `correlation`), or `parameters` neither 4 nor 5.
        UndefinedStatisticError: constant predictions or MOS.
        LogisticFitError: not more distinct predictions than parameters, a search that does not converge, or a best curve
            that is flat.
    """
    if parameters not in (4, 5):
        raise ValueError(f"parameters must be 4 or 5, got {parameters!r}")
    x, y = as_varying_pair(predictions, mos)
    distinct = np.unique(x).size
    if distinct <= parameters:
        raise LogisticFitError(
            f"a logistic of {parameters} parameters needs more than {parameters} distinct predictions; got {distinct}"
        )
    x_centre, x_spread = float(np.median(x)), _spread(x)
    y_centre, y_spread = float(y.mean()), float(y.std())
    inputs, target = (x - x_centre) / x_spread, (y - y_centre) / y_spread

    centre, width = _search(inputs, target, parameters)
    coefficients, residuals = _project(inputs, target, centre, width, parameters)
    if np.ptp(residuals + target) < 1e-9:
        raise LogisticFitError("the best logistic is flat: the predictions tell nothing of the mos")

    b3, b4 = x_centre + x_spread * centre, x_spread * width
    offset, height = y_centre + y_spread * coefficients[0], y_spread * coefficients[1]
    if parameters == 4:
        return LogisticMapping((float(offset + height), float(offset), b3, b4))
    slope = y_spread * coefficients[2] / x_spread
    b5 = offset + height / 2 - slope * x_centre
    return LogisticMapping((float(height), 1 / b4, b3, float(slope), float(b5)))


def plcc_logistic(predictions: npt.ArrayLike, mos: npt.ArrayLike, parameters: Literal[4, 5] = 4) -> float:
    """PLCC between the MOS and the predictions after `fit_logistic`, in [0, 1]; raises as `fit_logistic`.

    The mapping turns predictions the right way round, so the sign of the agreement is lost: read it off `srcc`.
    """
    return plcc(fit_logistic(predictions, mos, parameters)(predictions), mos)


def rmse_logistic(predictions: npt.ArrayLike, mos: npt.ArrayLike, parameters: Literal[4, 5] = 4) -> float:
    """RMSE ≥ 0, in units of the MOS, of the predictions after `fit_logistic`; raises as `fit_logistic`."""
    return rmse(fit_logistic(predictions, mos, parameters)(predictions), mos)


def _spread(x: FloatArray) -> float:
    """The interquartile range, so that a few outliers do not set the unit; the deviation where half of the scores tie."""
    quartiles = np.quantile(x, (0.25, 0.75))
    between, deviation = float(quartiles[1] - quartiles[0]), float(x.std())
    return between if between > 1e-6 * deviation else deviation


def _project(
    inputs: FloatArray, target: FloatArray, centre: float, width: float, parameters: int
) -> tuple[FloatArray, FloatArray]:
    """Best linear coefficients (offset, height and, of five parameters, slope) for a given sigmoid, and residuals (N,)."""
    columns = [np.ones_like(inputs), expit((inputs - centre) / width)]
    if parameters == 5:
        columns.append(inputs)
    basis = np.column_stack(columns)
    coefficients = np.linalg.lstsq(basis, target)[0].astype(np.float64)
    return coefficients, basis @ coefficients - target


def _search(inputs: FloatArray, target: FloatArray, parameters: int) -> tuple[float, float]:
    """Centre and width of the sigmoid with the least squared error, both in units of the standardised predictions."""

    def residuals(point: FloatArray) -> FloatArray:
        return _project(inputs, target, point[0], point[1], parameters)[1]

    low, high = inputs.min(), inputs.max()
    bounds = ((2 * low - high, WIDTHS[0]), (2 * high - low, WIDTHS[1]))
    centres = np.quantile(inputs, START_QUANTILES)
    grid = [np.array([centre, width]) for centre in centres for width in START_WIDTHS]
    grid.sort(key=lambda point: float(np.sum(residuals(point) ** 2)))
    fits = [
        least_squares(
            residuals,
            point,
            bounds=bounds,
            method="dogbox",  # many a best width lies on its bound, which the default method only creeps up to
            ftol=TOLERANCE,
            xtol=TOLERANCE,
            gtol=TOLERANCE,
        )
        for point in grid[:REFINED_STARTS]
    ]
    converged = [fit for fit in fits if fit.success]
    if not converged:
        raise LogisticFitError(f"the search for a logistic of {parameters} parameters did not converge")
    centre, width = min(converged, key=lambda fit: float(fit.cost)).x
    return float(centre), float(width)

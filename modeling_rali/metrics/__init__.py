"""Measures of a no-reference quality model against subjective scores: pure functions over 1-D arrays."""

from .averages import plain_mean, weighted_mean
from .comparison import PairedComparison, paired_bootstrap
from .correlation import krcc, mae, plcc, rmse, srcc
from .groups import GroupSrcc, LeftOutGroup, WithinGroup, within_group
from .intervals import Interval, bootstrap_interval, plcc_interval, srcc_interval
from .logistic import LogisticFitError, LogisticMapping, fit_logistic, plcc_logistic, rmse_logistic
from .validation import UndefinedStatisticError

__all__ = [
    "GroupSrcc",
    "Interval",
    "LeftOutGroup",
    "LogisticFitError",
    "LogisticMapping",
    "PairedComparison",
    "UndefinedStatisticError",
    "WithinGroup",
    "bootstrap_interval",
    "fit_logistic",
    "krcc",
    "mae",
    "paired_bootstrap",
    "plain_mean",
    "plcc",
    "plcc_interval",
    "plcc_logistic",
    "rmse",
    "rmse_logistic",
    "srcc",
    "srcc_interval",
    "weighted_mean",
    "within_group",
]

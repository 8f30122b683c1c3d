"""Evaluation: models × benchmarks → predictions, a metrics JSON, and the tables made from it."""

from .evaluation import Evaluation
from .figures import comparison, figures
from .predictions import PredictionsFile, predictions_table
from .processes import Processes, launched_processes
from .scorers import DEFAULT_MODEL, Scorer, open_scorer
from .sets import EvaluationSet, read_set
from .tables import figure, results_tables, with_results

__all__ = [
    "DEFAULT_MODEL",
    "Evaluation",
    "EvaluationSet",
    "PredictionsFile",
    "Processes",
    "Scorer",
    "comparison",
    "figure",
    "figures",
    "launched_processes",
    "open_scorer",
    "predictions_table",
    "read_set",
    "results_tables",
    "with_results",
]

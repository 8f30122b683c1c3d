"""What each part of the method is worth: the rows of the paper's ablation, their figures over seeds, and their table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One way to do without something.

    Attributes:
        align: options of recipes/align.py that differ from the whole method's; `None` for the tower as it is.
        head: options of recipes/prototypes.py that differ.
    """

    align: Mapping[str, Any] | None = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)


ROWS: dict[str, Row] = {
    "whole method": Row(),
    "no alignment": Row(align=None),
    "no PCA": Row(head={"pca_dim": None}),
    "PCA in place of partial least squares": Row(head={"supervised": False}),
    "no binned k-means": Row(head={"num_bins": 1}),
    "one text an image": Row(align={"texts_per_image": 1}),
    "no fine-tuning of the head": Row(head={"fine_tuning": {"epochs": 0}}),
    "no temperature (τ = 1)": Row(head={"temperature": 1.0}),
    "aligned with texts alone": Row(align={"score_weight": 0.0}),
    "aligned with scores alone": Row(align={"text_weight": 0.0}),
}
"""The paper's six, PCA where the whole compresses otherwise, the temperature that its equation does not show, and the two losses
of the alignment apart."""


Figures = dict[str, dict[str, dict[str, float]]]
"""Row → set → `srcc` and `plcc`, of one seed."""


def joined(per_seed: Sequence[Figures]) -> dict[str, dict[str, list[dict[str, float]]]]:
    """The figures of several seeds as row → set → one record a seed."""
    first = per_seed[0]
    return {row: {name: [one[row][name] for one in per_seed] for name in by_set} for row, by_set in first.items()}


def ablation_table(figures: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> str:
    """The figures as a Markdown table: a row each, and SRCC / PLCC on each set, mean ± standard deviation over seeds.

    Args:
        figures: row → set → one record a seed, with `srcc` and `plcc`. All rows have the same sets.
    """
    sets = list(next(iter(figures.values())))
    lines = ["| | " + " | ".join(f"{name} SRCC | {name} PLCC" for name in sets) + " |"]
    lines.append("|---|" + "---:|" * (2 * len(sets)))
    for row, by_set in figures.items():
        cells = [
            _mean_and_deviation([one[measure] for one in by_set[name]]) for name in sets for measure in ("srcc", "plcc")
        ]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean_and_deviation(values: Sequence[float]) -> str:
    """With one value, that alone; the deviation is the sample's, n - 1."""
    mean = _three_decimals(float(np.mean(values)))
    return f"{mean} ± {_three_decimals(float(np.std(values, ddof=1)))}" if len(values) > 1 else mean


def _three_decimals(value: float) -> str:
    """As correlations are printed: .812, -.034."""
    return f"{value:.3f}".replace("0.", ".", 1)

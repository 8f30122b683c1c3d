"""What a reasoner learned by reinforcement: its ratings before and after, against a regression on what it reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modeling_rali.metrics import bootstrap_interval, mae, paired_bootstrap, plcc, srcc
from modeling_rali.metrics.validation import FloatArray
from modeling_rali.reasoning.attributes import Attributes
from modeling_rali.reasoning.measured_teacher import Grading

_UNREADABLE = 3.0  # the middle of 1–5: a picture that is not rated must not make the rest look better
_SMOOTHED = 5  # steps

Curves = dict[str, list[tuple[int, float]]]
"""Title → steps and values, of one run."""


def ridge_on_grades(
    grading: Grading, train: Sequence[Attributes], labels: FloatArray, validation: Sequence[Attributes]
) -> FloatArray:
    """Predict the labels of validation pictures by ridge regression on what a model without eyes is told of them.

    Args:
        grading: with which both are told.
        train: measured attributes of N pictures; labels: (N,) their MOS.
        validation: measured attributes of M others.

    Returns:
        (M,) predictions; the penalty is chosen by leaving one training picture out at a time.
    """

    def told(measured: Sequence[Attributes]) -> FloatArray:
        return np.array([[*grading.grades(one).values(), one.dark, one.burnt, one.megapixels] for one in measured])

    regression = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
    return np.asarray(regression.fit(told(train), labels).predict(told(validation)), dtype=np.float64)


def agreement(ratings: pd.DataFrame, reference: pd.DataFrame | None = None) -> dict[str, Any]:
    """How well ratings agree with labels, and how much better than another model's of the same images.

    Args:
        ratings: of `validation-STEP.csv`: image_id, label, rating, readable; an image without a readable rating counts as
            3, the middle of the scale.
        reference: the same of the other model.

    Returns:
        n, rated (the share of images with a readable rating), mae (on the scale of the labels), srcc, srcc_ci95, plcc; with a
        reference that ranks at all gain and gain_ci95, of the SRCC, by paired bootstrap.

    Raises:
        ValueError: the reference has other images.
    """
    rated, labels = ratings["rating"].fillna(_UNREADABLE).to_numpy(float), ratings["label"].to_numpy(float)
    figures: dict[str, Any] = {"n": len(ratings), "rated": float(ratings["rating"].notna().mean())}
    figures["mae"] = mae(rated, labels)
    if np.ptp(rated) == 0:  # rated all alike, or not at all: nothing is ranked
        return figures | {"srcc": 0.0, "plcc": 0.0}
    figures |= {
        "srcc": srcc(rated, labels),
        "srcc_ci95": list(bootstrap_interval(srcc, rated, labels)),
        "plcc": plcc(rated, labels),
    }
    if reference is not None:
        by_id = reference.set_index("image_id")
        if set(by_id.index) != set(ratings["image_id"]):
            raise ValueError(f"{len(by_id)} and {len(ratings)} ratings are not of the same images: nothing to compare")
        others = by_id.loc[list(ratings["image_id"]), "rating"].fillna(_UNREADABLE).to_numpy(float)
        if np.ptp(others) > 0:
            comparison = paired_bootstrap(rated, others, labels)
            figures |= {"gain": comparison.difference, "gain_ci95": list(comparison.interval)}
    return figures


def ratings_of(run: Path, start: bool = False) -> pd.DataFrame:
    """The ratings of the last evaluation of a run of recipes/grpo.py, or of the one at its start.

    Raises:
        ValueError: it has none.
    """
    files = {int(file.stem.split("-")[1]): file for file in run.glob("validation-*.csv")}
    if not files:
        raise ValueError(f"{run} holds no validation-STEP.csv: was it evaluated?")
    if start and 0 not in files:
        raise ValueError(f"{run} holds no validation-0.csv: it was not run with --eval_on_start true")
    return pd.read_csv(files[0 if start else max(files)], dtype={"image_id": str})


def learning_table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table, a row a model, of the records of `agreement`."""

    def interval(record: Mapping[str, Any], name: str) -> str:
        if name not in record:
            return ""
        bounds = record.get(f"{name}_ci95")
        return f"{record[name]:.3f}" + (f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else "")

    lines = [
        "| | rated | SRCC (95 %) | gain over the warm start (95 %) | PLCC | MAE |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, record in figures.items():
        lines.append(
            f"| {name} | {record['rated']:.0%} | {interval(record, 'srcc')} | {interval(record, 'gain')} | "
            f"{record['plcc']:.3f} | {record['mae']:.2f} |"
        )
    return "\n".join(lines)


def curves(log: Sequence[Mapping[str, Any]], dataset: str) -> Curves:
    """What the trainer logged at each step of what tells of learning, by the title of its panel.

    Args:
        log: log_history of `trainer_state.json`.
        dataset: whose agreement is told.
    """
    logged = {
        "SRCC in the batch": f"ratings/{dataset}/srcc",
        "share of readable answers": "ratings/parse_rate",
        "spread of an image's ratings": "ratings/spread",
        "tokens of an answer": "ratings/length",
    }
    return {
        title: [(int(record["step"]), round(float(record[key]), 4)) for record in log if key in record]
        for title, key in logged.items()
    }


def draw_curves(runs: Mapping[str, Curves]) -> Figure:
    """A panel a title that any run logged, a line a run, each a moving average over five steps."""
    titles = [title for title in next(iter(runs.values())) if any(run[title] for run in runs.values())]
    figure = Figure(figsize=(12, 3.5), layout="constrained")
    for axes, title in zip(figure.subplots(1, len(titles)), titles, strict=True):
        for name, run in runs.items():
            steps, values = zip(*run[title], strict=True) if run[title] else ((), ())
            smooth = pd.Series(values, dtype=float).rolling(_SMOOTHED, min_periods=1).mean()
            axes.plot(steps, smooth, label=name)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(runs), fontsize=9)
    return figure

"""What the ratings of a run are like, step by step and over the validation images."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling_rali.metrics import UndefinedStatisticError, plcc, srcc
from modeling_rali.metrics.validation import FloatArray, Statistic
from modeling_rali.replacing import replacing

from .grpo_rewards import Group, Rated, Rewards, gather_ratings, grouped
from .parsing import Completion


class RatingWatch:
    """A reward function that earns what another one does, and logs the ratings of each generation batch on its way.

    Logged, of all processes together: `ratings/parse_rate`, in 0–1; `ratings/length`, mean tokens of a completion;
    `ratings/spread`, the mean standard deviation of an image's ratings; and for each dataset, where they are defined,
    `ratings/DATASET/srcc` and `…/plcc`, of the images' mean ratings and labels. Ratings of `validation` datasets are
    kept besides, for `ValidationCallback`.
    """

    def __init__(self, reward: Callable[..., Rewards], validation: Sequence[str] = ()) -> None:
        """Watch a reward.

        Args:
            reward: a function, or `grpo_rewards.bound` of one; any of those of a run will do.
            validation: names in the column `dataset` whose ratings are for validation.
        """
        self.reward = reward
        self.validation = tuple(validation)
        self.kept: list[Rated] = []
        self.__name__ = reward.__name__  # after which TRL's log calls it

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Completion],
        *,
        log_metric: Callable[[str, float], None],
        **columns: Any,
    ) -> Rewards:
        rows = gather_ratings(completions, columns)
        self.kept += [row for row in rows if row.dataset in self.validation]
        for name, value in statistics(rows).items():
            log_metric(f"ratings/{name}", value)
        return self.reward(prompts, completions, log_metric=log_metric, **columns)


class ValidationCallback(TrainerCallback):
    """After an evaluation, adds how well the validation images' mean ratings agree with their labels.

    `eval_srcc`, `eval_plcc` and `eval_parse_rate`; with several validation sets the mean over them of the former two. A
    set where they are undefined, because no two images have readable and different means, counts as 0, as for the reward.
    They are logged, and can be the trainer's `metric_for_best_model`. The ratings themselves go to `validation-STEP.csv` in
    the output folder: dataset, image_id, label, mean rating (empty where none could be read) and how many could be read.
    """

    def __init__(self, trainer: Trainer, watch: RatingWatch) -> None:
        """Report to a trainer.

        Args:
            trainer: in whose log the figures appear.
            watch: that saw the ratings.
        """
        self.trainer = trainer
        self.watch = watch

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **kwargs: Any,
    ) -> None:
        rows, self.watch.kept = self.watch.kept, []
        groups = grouped(rows)
        if state.is_world_process_zero:
            with replacing(Path(args.output_dir, f"validation-{state.global_step}.csv")) as file:
                mean_ratings(groups).to_csv(file, index=False)
        agreements = [_agreement(group) for group in groups.values()]
        figures = {"eval_parse_rate": _parse_rate(rows)} | {
            f"eval_{name}": sum(agreement.get(name, 0.0) for agreement in agreements) / max(len(agreements), 1)
            for name in ("srcc", "plcc")
        }
        metrics.update(figures)  # before the trainer looks for the best model's
        self.trainer.log(figures)


def mean_ratings(groups: Mapping[str, Group]) -> pd.DataFrame:
    """A row an image: dataset, image_id, label, rating (the mean, NaN where none is readable), readable (how many are)."""
    return pd.DataFrame(
        [
            (name, *image)
            for name, group in groups.items()
            for image in zip(
                group.image_ids, group.labels, _means(group), (~np.isnan(group.ratings)).sum(axis=1), strict=True
            )
        ],
        columns=["dataset", "image_id", "label", "rating", "readable"],
    )


def statistics(rows: Sequence[Rated]) -> dict[str, float]:
    """Parse rate, mean length and spread of the completions, and `DATASET/srcc` and `DATASET/plcc` where defined."""
    if not rows:
        return {}
    groups = grouped(rows)
    spreads = [
        float(np.std(readable))
        for group in groups.values()
        for ratings in group.ratings
        if (readable := ratings[~np.isnan(ratings)]).size
    ]
    figures = {"parse_rate": _parse_rate(rows), "length": float(np.mean([row.length for row in rows]))}
    if spreads:
        figures["spread"] = float(np.mean(spreads))
    for dataset, group in groups.items():
        figures |= {f"{dataset}/{name}": value for name, value in _agreement(group).items()}
    return figures


def _means(group: Group) -> FloatArray:
    """(B,) the mean of each image's readable ratings, NaN where there is none."""
    return np.array([np.mean(own[~np.isnan(own)]) if not np.isnan(own).all() else np.nan for own in group.ratings])


def _agreement(group: Group) -> dict[str, float]:
    """SRCC and PLCC of the mean ratings of images with a readable one, and their labels; nothing where undefined."""
    means = _means(group)
    rated = ~np.isnan(means)
    measures: dict[str, Statistic] = {"srcc": srcc, "plcc": plcc}
    try:
        return {name: measure(means[rated], group.labels[rated]) for name, measure in measures.items()}
    except UndefinedStatisticError:
        return {}


def _parse_rate(rows: Sequence[Rated]) -> float:
    return float(np.mean([not np.isnan(row.rating) for row in rows])) if rows else 0.0

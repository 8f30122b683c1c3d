"""The rewards in TRL's calling form: `reward(prompts, completions, **columns)` → one number a row, None where not its own.

Columns of the dataset that they read:
    image_id     string, what tells a group of completions from the others
    dataset      string; ranks are taken within one dataset, and never between two whose scales disagree
    label        float, the MOS on 1–5 (null for the degradation task)
    task         "rating" or "degradation"
    degradation  a class of `prompts.DEGRADATIONS` (null for the rating task)
    severity     one of `prompts.SEVERITIES`, or null

TRL shows each process its own rows, and a group can straddle two processes. The rank rewards therefore gather the
ratings of all of them, regroup by image, and return their own rows' share.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, update_wrapper
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset

from modeling_rali.metrics.validation import FloatArray

from . import rewards
from .parsing import Completion, parse_degradation, parse_rating
from .rating_bank import RatingBank

SCORE_RANGE = (1.0, 5.0)
COLUMNS = ("image_id", "dataset", "label", "task")
Rewards = list[float | None]


class Rated(NamedTuple):
    """One completion of the rating task, as processes tell each other of it; `rating` is NaN where unreadable."""

    process: int
    dataset: str
    image_id: str
    label: float
    rating: float
    length: int


class Group(NamedTuple):
    """The images of one dataset in a generation batch: ids (B,), labels (B,) and ratings (B, G), NaN where there is none."""

    image_ids: list[str]
    labels: FloatArray
    ratings: FloatArray


def format(prompts: Sequence[Any], completions: Sequence[Completion], **columns: Any) -> Rewards:
    """1 for reasoning and a readable answer in their tags and nothing else, otherwise 0; of either task."""
    return _plain(rewards.format_credit(completions, _tasks(columns, len(completions))))


def score(
    prompts: Sequence[Any], completions: Sequence[Completion], *, threshold: float = 0.35, **columns: Any
) -> Rewards:
    """1 for a rating within `threshold` of the label, otherwise 0, also for one that cannot be read."""
    return _of_ratings(completions, columns, lambda q, y: rewards.score_credit(q, y, threshold))


def smooth_score(prompts: Sequence[Any], completions: Sequence[Completion], **columns: Any) -> Rewards:
    """1 − |rating − label| / 4, and 0 for a rating that cannot be read."""
    return _of_ratings(completions, columns, lambda q, y: rewards.smooth_score_credit(q, y, SCORE_RANGE))


def srcc(
    prompts: Sequence[Any], completions: Sequence[Completion], *, bank: RatingBank | None = None, **columns: Any
) -> Rewards:
    """How well the generation batch would be ranked if this rating alone spoke for its image (`rewards.srcc_credit`).

    None for a rating that cannot be read; 0 for all where the batch holds fewer than two images of the dataset with a
    readable rating and the bank has no other. `bound(srcc, bank=…)` ranks against earlier images too, and
    enters those of this batch afterwards.
    """

    def credit(dataset: str, group: Group) -> FloatArray:
        means, labels = bank.others(dataset, set(group.image_ids)) if bank else ([], [])
        return rewards.srcc_credit(group.ratings, group.labels, means, labels)

    rows = gather_ratings(completions, columns)
    earned = _of_groups(rows, completions, columns, credit)
    if bank:
        for dataset, group in grouped(rows).items():
            for image_id, label, ratings in zip(group.image_ids, group.labels, group.ratings, strict=True):
                if not np.isnan(ratings).all():
                    bank.add(dataset, image_id, float(np.nanmean(ratings)), float(label))
    return earned


def fidelity(prompts: Sequence[Any], completions: Sequence[Completion], **columns: Any) -> Rewards:
    """VisualQuality-R1's ranking reward against the other images of the generation batch (`rewards.fidelity_credit`).

    None for a rating that cannot be read; 0 where there is no other image of the dataset with a readable rating.
    """
    rows = gather_ratings(completions, columns)
    return _of_groups(rows, completions, columns, lambda _, group: rewards.fidelity_credit(group.ratings, group.labels))


def degradation(prompts: Sequence[Any], completions: Sequence[Completion], **columns: Any) -> Rewards:
    """0.25 for the right class, 1 for the right class and severity, otherwise 0; None for rows of the rating task."""
    own = [row for row, task in enumerate(_tasks(columns, len(completions))) if task == "degradation"]
    answers = [parse_degradation(completions[row]) for row in own]
    true = ([columns[name][row] for row in own] if own else [] for name in ("degradation", "severity"))
    return _spread(own, rewards.degradation_credit(answers, *true), len(completions))


RANK_REWARDS: tuple[Callable[..., Rewards], ...] = (srcc, fidelity)
"""Those that need two images of a dataset in a generation batch."""


def bound(reward: Callable[..., Rewards], **settings: Any) -> Callable[..., Rewards]:
    """`reward` with some of its settings made, under its own name, which TRL's log uses and a bare `partial` lacks."""
    return update_wrapper(partial(reward, **settings), reward)


def check_rows(rows: Dataset, images_per_batch: int, ranking: bool) -> None:
    """Refuse, before the first step, a dataset or a batch that the rewards cannot do with.

    Args:
        rows: the training set.
        images_per_batch: prompts in a generation batch on all processes, `generation_batch_size // num_generations`.
        ranking: whether one of `RANK_REWARDS` is used.

    Raises:
        ValueError: a column is missing, a rating row has a label that is not in 1–5 (NaN, null, or another scale), a task
            or dataset is not named, or too few images for ranks.
    """
    missing = [name for name in COLUMNS if name not in rows.column_names]
    if missing:
        raise ValueError(f"the dataset has no column {', '.join(missing)}; it has {', '.join(rows.column_names)}")
    table = rows.with_format(None).select_columns(list(COLUMNS)).to_pandas()  # without reading a picture
    wrong = sorted(set(table["task"].unique()) - {"rating", "degradation"}, key=str)
    if wrong:
        raise ValueError(f'the task of a row is "rating" or "degradation", not {wrong[0]!r}')
    rated = table[table["task"] == "rating"]
    low, high = SCORE_RANGE
    off = rated[~rated["label"].astype(float).between(low, high)]
    if len(off):
        raise ValueError(
            f"{len(off)} labels are not in {low:g}–{high:g}, such as {off['label'].iloc[0]} of {off['image_id'].iloc[0]}: "
            "map the scores to this range, and leave out pictures without one"
        )
    if ranking:
        if images_per_batch < 2:
            raise ValueError(
                f"a ranking reward compares images, and a generation batch holds {images_per_batch}: make "
                "generation_batch_size at least twice num_generations; eight times and more is of use"
            )
        for dataset, images in rated.groupby("dataset")["image_id"].nunique().items():
            if images < 2:
                raise ValueError(f"a ranking reward compares images of one dataset, and {dataset} has {images}")


def gather_ratings(completions: Sequence[Completion], columns: dict[str, Any]) -> list[Rated]:
    """Every completion of the rating task on all processes, by process and then row; a call all of them must make."""
    lengths = columns.get("completion_ids") or [()] * len(completions)
    return gather_object(
        [
            Rated(
                PartialState().process_index,
                columns["dataset"][row],
                columns["image_id"][row],
                float(columns["label"][row]),
                _rating(completions[row]),
                len(lengths[row]),
            )
            for row in _rating_rows(columns, len(completions))
        ]
    )


def grouped(rows: Iterable[Rated]) -> dict[str, Group]:
    """The images of each dataset in order of appearance; completions of an image in the order of `rows`."""
    images: dict[str, dict[str, list[Rated]]] = {}
    for row in rows:
        images.setdefault(row.dataset, {}).setdefault(row.image_id, []).append(row)
    return {dataset: _group(by_id) for dataset, by_id in images.items()}


def _group(by_id: dict[str, list[Rated]]) -> Group:
    ratings = np.full((len(by_id), max(map(len, by_id.values()))), np.nan)
    for image, rows in enumerate(by_id.values()):
        ratings[image, : len(rows)] = [row.rating for row in rows]
    return Group(list(by_id), np.array([rows[0].label for rows in by_id.values()]), ratings)


def _of_groups(
    rows: list[Rated],
    completions: Sequence[Completion],
    columns: dict[str, Any],
    credit: Callable[[str, Group], FloatArray],
) -> Rewards:
    """Credits of the (B, G) ratings of each dataset, brought back to this process's rows."""
    earned = {
        (dataset, image_id): iter(values)
        for dataset, group in grouped(rows).items()
        for image_id, values in zip(group.image_ids, credit(dataset, group), strict=True)
    }
    # Completions of an image stand in the order of the rows: taking one for each row gives every row its own
    dealt = [(row.process, next(earned[row.dataset, row.image_id])) for row in rows]
    own = [value for process, value in dealt if process == PartialState().process_index]
    return _spread(_rating_rows(columns, len(completions)), np.array(own), len(completions))


def _of_ratings(
    completions: Sequence[Completion],
    columns: dict[str, Any],
    credit: Callable[[npt.ArrayLike, npt.ArrayLike], FloatArray],
) -> Rewards:
    """Credits that concern one rating and its label alone."""
    own = _rating_rows(columns, len(completions))
    ratings = np.array([_rating(completions[row]) for row in own])
    labels = np.array([columns["label"][row] for row in own], dtype=np.float64)
    return _spread(own, credit(ratings[:, None], labels)[:, 0], len(completions))


def _rating(completion: Completion) -> float:
    rating = parse_rating(completion, SCORE_RANGE).rating
    return np.nan if rating is None else rating


def _rating_rows(columns: dict[str, Any], count: int) -> list[int]:
    return [row for row, task in enumerate(_tasks(columns, count)) if task == "rating"]


def _tasks(columns: dict[str, Any], count: int) -> list[str]:
    return columns.get("task") or ["rating"] * count


def _spread(own: list[int], values: FloatArray, count: int) -> Rewards:
    """`values` at the rows `own`, and None at the others of `count`."""
    spread = np.full(count, np.nan)
    spread[own] = values
    return _plain(spread)


def _plain(values: FloatArray) -> Rewards:
    return [None if np.isnan(value) else float(value) for value in values]

"""The rewards as TRL calls them: rows in, one number a row out, on one process and on several."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from transformers import TrainerControl, TrainerState, TrainingArguments

from modeling_rali.metrics import plcc
from modeling_rali.metrics import srcc as srcc_measure
from modeling_rali.reasoning import grpo_rewards, rewards
from modeling_rali.reasoning.rating_bank import RatingBank
from modeling_rali.reasoning.rating_watch import RatingWatch, ValidationCallback, statistics

from .straddled_groups import rewards_of

Batch = dict[str, Any]
Ratings = Sequence[Sequence[float | None]]


def completion(rating: float | None, reasoning: str = "It is a picture.") -> list[dict[str, str]]:
    answer = "hard to say" if rating is None else f'{{"rating": {rating}}}'
    return [{"role": "assistant", "content": f"<think>{reasoning}</think><answer>{answer}</answer>"}]


def batch(ratings: Ratings, labels: list[float], dataset: str = "koniq") -> Batch:
    """Rows of the rating task, completions of an image side by side as TRL's sampler has them."""
    images = [f"{dataset}-{labels[i]}-{i}.jpg" for i, group in enumerate(ratings) for _ in group]
    rows = len(images)
    return {
        "prompts": ["?"] * rows,
        "completions": [completion(rating) for group in ratings for rating in group],
        "completion_ids": [[0] * (row % 3 + 1) for row in range(rows)],
        "image_id": images,
        "dataset": [dataset] * rows,
        "label": [label for label, group in zip(labels, ratings, strict=True) for _ in group],
        "task": ["rating"] * rows,
        "degradation": [None] * rows,
        "severity": [None] * rows,
    }


def degradation_batch(answers: list[str], degradation: str, severity: str | None) -> Batch:
    rows = len(answers)
    return batch([[None]] * rows, [math.nan] * rows) | {
        "completions": [f"<think>Look.</think><answer>{answer}</answer>" for answer in answers],
        "task": ["degradation"] * rows,
        "degradation": [degradation] * rows,
        "severity": [severity] * rows,
    }


def joined(*batches: Batch) -> Batch:
    return {name: [value for b in batches for value in b[name]] for name in batches[0]}


def as_rows(ratings: np.ndarray) -> list[Any]:
    return [None if math.isnan(value) else pytest.approx(value) for value in ratings.ravel()]


RATINGS: Ratings = [[2.0, 3.5, None], [4.0, 4.5, 1.0], [None, None, None], [3.0, 3.0, 2.5]]
LABELS = [2.2, 4.4, 3.0, 3.1]
AS_ARRAY = np.array(RATINGS, dtype=np.float64)


def test_rows_earn_what_the_arithmetic_says() -> None:
    rows = batch(RATINGS, LABELS)
    assert grpo_rewards.srcc(**rows) == as_rows(rewards.srcc_credit(AS_ARRAY, LABELS))
    assert grpo_rewards.fidelity(**rows) == as_rows(rewards.fidelity_credit(AS_ARRAY, LABELS))
    assert grpo_rewards.score(**rows) == as_rows(rewards.score_credit(AS_ARRAY, LABELS))
    assert grpo_rewards.bound(grpo_rewards.score, threshold=1.0)(**rows) == as_rows(
        rewards.score_credit(AS_ARRAY, LABELS, 1.0)
    )
    assert grpo_rewards.smooth_score(**rows) == as_rows(rewards.smooth_score_credit(AS_ARRAY, LABELS))
    assert grpo_rewards.format(**rows) == [float(q is not None) for group in RATINGS for q in group]
    assert grpo_rewards.degradation(**rows) == [None] * 12


def test_unreadable_rating_is_no_row_of_the_ranks_but_one_of_the_score() -> None:
    rows = batch(RATINGS, LABELS)
    for rank in grpo_rewards.RANK_REWARDS:
        assert [value is None for value in rank(**rows)] == [q is None for group in RATINGS for q in group]
    assert grpo_rewards.score(**rows)[2] == 0.0


def test_rows_of_another_task_are_left_to_its_rewards() -> None:
    asked = degradation_batch(["slight noise", "serious noise", "blur"], "noise", "slight")
    rows = joined(batch(RATINGS[:1], LABELS[:1]), asked, batch(RATINGS[1:2], LABELS[1:2]))
    assert grpo_rewards.degradation(**rows) == [None] * 3 + [1.0, 0.25, 0.0] + [None] * 3
    alone = joined(batch(RATINGS[:1], LABELS[:1]), batch(RATINGS[1:2], LABELS[1:2]))
    for reward in (grpo_rewards.srcc, grpo_rewards.fidelity, grpo_rewards.score, grpo_rewards.smooth_score):
        expected = reward(**alone)
        assert reward(**rows) == [*expected[:3], None, None, None, *expected[3:]]
        assert reward(**asked) == [None] * 3
    readable = [float(q is not None) for group in RATINGS[:2] for q in group]
    assert grpo_rewards.format(**rows) == [*readable[:3], 1.0, 1.0, 1.0, *readable[3:]]


def test_without_a_task_column_all_rows_are_ratings() -> None:
    rows = batch(RATINGS, LABELS)
    assert grpo_rewards.srcc(**{k: v for k, v in rows.items() if k != "task"}) == grpo_rewards.srcc(**rows)


def test_ranks_stay_within_a_dataset() -> None:
    """Two sets whose scales disagree: together they would rank badly, each alone ranks perfectly."""
    low, high = batch([[1.0, 1.1], [2.0, 2.1]], [4.0, 5.0]), batch([[4.0, 4.1], [5.0, 4.9]], [1.0, 2.0], "spaq")
    mixed = joined(*({k: v[i : i + 2] for k, v in b.items()} for i in (0, 2) for b in (low, high)))
    assert grpo_rewards.srcc(**mixed) == [pytest.approx(1.0)] * 8


@pytest.mark.parametrize("ratings", [[[3.0, 2.0]], [[3.0, 2.0], [None, None]]])
def test_batch_of_one_readable_image_earns_nothing(ratings: Ratings) -> None:
    rows = batch(ratings, LABELS[: len(ratings)])
    assert grpo_rewards.srcc(**rows)[:2] == grpo_rewards.fidelity(**rows)[:2] == [0.0, 0.0]


def test_label_that_is_not_a_number_stops_the_run() -> None:
    with pytest.raises(ValueError, match=r"labels\[1\] is nan"):
        grpo_rewards.srcc(**batch(RATINGS, [1.0, math.nan, 2.0, 3.0]))


def test_rows_of_a_group_need_not_be_neighbours() -> None:
    rows = batch(RATINGS, LABELS)
    order = np.random.default_rng(0).permutation(12)
    shuffled = {name: [column[i] for i in order] for name, column in rows.items()}
    for rank in grpo_rewards.RANK_REWARDS:
        expected = rank(**rows)
        assert rank(**shuffled) == [expected[i] for i in order]


def test_bank_ranks_against_earlier_images_and_not_the_batchs_own_past() -> None:
    bank = RatingBank(8)
    reward = grpo_rewards.bound(grpo_rewards.srcc, bank=bank)
    first, second = batch(RATINGS, LABELS), batch([[1.0, 5.0]], [1.5])
    assert reward(**first) == grpo_rewards.srcc(**first)
    means = [np.nanmean(AS_ARRAY[i]) for i in (0, 1, 3)]
    assert bank.entries["koniq"] == {
        f"koniq-{LABELS[i]}-{i}.jpg": (pytest.approx(np.nanmean(AS_ARRAY[i])), LABELS[i]) for i in (0, 1, 3)
    }
    expected = rewards.srcc_credit([[1.0, 5.0]], [1.5], means, [LABELS[i] for i in (0, 1, 3)])
    assert reward(**second) == as_rows(expected)
    assert reward(**second) == as_rows(expected)  # its own entry of a moment ago is not among the others


def test_bank_keeps_the_latest_of_each_dataset() -> None:
    bank = RatingBank(2)
    for image, mean in [("a", 1.0), ("b", 2.0), ("a", 3.0), ("c", 4.0)]:
        bank.add("koniq", image, mean, 0.0)
    bank.add("spaq", "d", 5.0, 1.0)
    assert bank.others("koniq", set()) == ([3.0, 4.0], [0.0, 0.0])
    assert bank.others("koniq", {"a"}) == ([4.0], [0.0])
    assert bank.others("kadid", set()) == ([], [])
    with pytest.raises(ValueError, match="size 0"):
        RatingBank(0)


def begin_training(bank: RatingBank, state: TrainerState, folder: Path) -> None:
    bank.on_train_begin(TrainingArguments(output_dir=str(folder), use_cpu=True), state, TrainerControl())


def test_bank_comes_back_from_the_trainers_json(tmp_path: Path) -> None:
    bank = RatingBank(3)
    for image in "cab":  # whose age is not their order by name
        bank.add("koniq", f"{image}.jpg", 1.1 + ord(image) / 7, 3.0)
    TrainerState(stateful_callbacks=[bank]).save_to_json(str(tmp_path / "trainer_state.json"))
    resumed = RatingBank(2)
    begin_training(resumed, TrainerState.load_from_json(str(tmp_path / "trainer_state.json")), tmp_path)
    assert list(resumed.entries["koniq"].items()) == list(bank.entries["koniq"].items())[1:]


def test_checkpoint_of_a_run_without_a_bank_starts_an_empty_one(tmp_path: Path) -> None:
    bank, state = RatingBank(2), TrainerState()
    begin_training(bank, state, tmp_path)
    assert bank.entries == {}
    assert "RatingBank" in state.stateful_callbacks


def test_groups_that_straddle_processes_earn_the_same(tmp_path: Path) -> None:
    """4 groups of 3 on 2 and 3 processes: 6 and 4 rows each, so that on 3 every process shares a group."""
    rng = np.random.default_rng(1)
    batches = []
    for _ in range(3):
        ratings = [[round(q, 1) if rng.random() > 0.2 else None for q in rng.uniform(1, 5, 3)] for _ in range(4)]
        batches.append(batch(ratings, [round(y, 2) for y in rng.uniform(1, 5, 4)]))
    batches[2] = joined(degradation_batch(["blur"] * 3, "blur", "slight"), batch(RATINGS[:3], LABELS[:3], "spaq"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.reasoning.straddled_groups"],
        input=json.dumps(batches),
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    alone = json.loads(json.dumps(rewards_of(batches, slice(None))))
    assert alone["bank"].keys() == {"koniq", "spaq"}
    for world, processes in json.loads(done.stdout).items():
        assert len(processes) == int(world)
        for step in range(3):
            together = [
                [value for rows in shares for value in rows]
                for shares in zip(*(p["earned"][step] for p in processes), strict=True)
            ]
            assert together == alone["earned"][step]
        for process in processes:
            assert (process["bank"], process["logged"]) == (alone["bank"], alone["logged"])


def test_watch_logs_the_batch_and_changes_no_reward() -> None:
    logged: dict[str, float] = {}
    rows = joined(batch(RATINGS, LABELS), degradation_batch(["blur"], "blur", "slight"))
    watch = RatingWatch(grpo_rewards.bound(grpo_rewards.score, threshold=1.0))
    assert watch.__name__ == "score"
    assert watch(**rows, log_metric=logged.__setitem__) == grpo_rewards.bound(grpo_rewards.score, threshold=1.0)(**rows)
    means, labels = np.nanmean(AS_ARRAY[[0, 1, 3]], axis=1), np.array(LABELS)[[0, 1, 3]]
    assert logged == {
        "ratings/parse_rate": pytest.approx(8 / 12),
        "ratings/length": pytest.approx(2.0),
        "ratings/spread": pytest.approx(np.mean([np.nanstd(AS_ARRAY[i]) for i in (0, 1, 3)])),
        "ratings/koniq/srcc": pytest.approx(srcc_measure(means, labels)),
        "ratings/koniq/plcc": pytest.approx(plcc(means, labels)),
    }


def test_statistics_leave_out_what_is_undefined() -> None:
    unreadable = batch([[None]], [3.0])
    rows = grpo_rewards.gather_ratings(unreadable["completions"], unreadable)
    assert statistics(rows) == {"parse_rate": 0.0, "length": 1.0}
    assert statistics([]) == {}


class RecordingTrainer:
    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def log(self, figures: dict[str, float]) -> None:
        self.logged.append(dict(figures))


@pytest.mark.parametrize("readable", [True, False])
def test_evaluation_adds_the_agreement_over_all_validation_batches(readable: bool, tmp_path: Path) -> None:
    watch = RatingWatch(grpo_rewards.format, validation=["koniq/validation"])
    ratings: Ratings = RATINGS if readable else [[None]] * 4
    for part in (slice(0, 2), slice(2, 4)):
        watch(**batch(ratings[part], LABELS[part], "koniq/validation"), log_metric=lambda *_: None)
        watch(**batch(RATINGS[part], LABELS[part], "koniq"), log_metric=lambda *_: None)
    trainer = RecordingTrainer()
    metrics = {"eval_loss": 1.0}
    callback = ValidationCallback(trainer, watch)
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    callback.on_evaluate(arguments, TrainerState(global_step=7), TrainerControl(), metrics)
    means, labels = np.nanmean(AS_ARRAY[[0, 1, 3]], axis=1), np.array(LABELS)[[0, 1, 3]]
    expected = {
        "eval_srcc": pytest.approx(srcc_measure(means, labels)) if readable else 0.0,
        "eval_plcc": pytest.approx(plcc(means, labels)) if readable else 0.0,
        "eval_parse_rate": pytest.approx(8 / 12) if readable else 0.0,
    }
    assert metrics == {"eval_loss": 1.0} | expected
    assert trainer.logged == [expected]
    assert watch.kept == []
    written = pd.read_csv(tmp_path / "validation-7.csv")
    assert list(written["dataset"].unique()) == ["koniq/validation"]
    assert list(written["label"]) == LABELS
    assert list(written["readable"]) == ([2, 3, 0, 3] if readable else [0] * 4)
    if readable:
        np.testing.assert_allclose(written["rating"].dropna(), means)
    else:
        assert written["rating"].isna().all()


def rows_of(labels: list[float | None], **columns: list[str]) -> Dataset:
    count = len(labels)
    plain = {"image_id": [f"{i}.jpg" for i in range(count)], "dataset": ["koniq"] * count, "task": ["rating"] * count}
    return Dataset.from_dict({"label": labels} | plain | columns)


def test_sound_rows_pass_the_check() -> None:
    grpo_rewards.check_rows(rows_of([1.0, 3.2, 5.0]), images_per_batch=2, ranking=True)
    grpo_rewards.check_rows(rows_of([1.0]), images_per_batch=1, ranking=False)
    grpo_rewards.check_rows(rows_of([None, 2.0], task=["degradation", "rating"]), images_per_batch=1, ranking=False)


@pytest.mark.parametrize(
    ("rows", "images", "message"),
    [
        (rows_of([1.0, math.nan]), 8, r"1 labels are not in 1–5, such as nan of 1\.jpg"),
        (rows_of([1.0, None]), 8, "1 labels are not in 1–5"),
        (rows_of([1.0, 62.5]), 8, r"such as 62\.5 of 1\.jpg"),
        (rows_of([1.0, 2.0]), 1, "a generation batch holds 1"),
        (rows_of([1.0, 2.0, 3.0], dataset=["a", "a", "b"]), 8, "b has 1"),
        (rows_of([1.0, 2.0], image_id=["a", "a"]), 8, "koniq has 1"),
        (rows_of([1.0, 2.0], task=["rating", "guess"]), 8, "not 'guess'"),
        (rows_of([1.0, 2.0]).remove_columns("image_id"), 8, "no column image_id"),
    ],
)
def test_rows_no_reward_can_do_with_are_refused_at_the_start(rows: Dataset, images: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grpo_rewards.check_rows(rows, images_per_batch=images, ranking=True)

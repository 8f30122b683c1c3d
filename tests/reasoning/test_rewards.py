"""The arithmetic of the rewards against plain loops, and what makes them useful or harmless to GRPO."""

import math
import time
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from modeling_rali.reasoning.parsing import ParsedDegradation, parse_degradation
from modeling_rali.reasoning.rewards import (
    degradation_credit,
    fidelity_credit,
    format_credit,
    score_credit,
    smooth_score_credit,
    srcc_credit,
)

Array = npt.NDArray[np.float64]


def plain_spearman(x: list[float], y: list[float]) -> float:
    """Pearson's correlation of average ranks; 0 where undefined."""
    if len(x) < 2 or len(set(x)) == 1 or len(set(y)) == 1:
        return 0.0
    rank_x, rank_y = ([sum(b < a for b in v) + sum(b == a for b in v) / 2 for a in v] for v in (x, y))
    return float(np.corrcoef(rank_x, rank_y)[0, 1])


def plain_mean(ratings: Array) -> float:
    return round(math.fsum(readable := [q for q in ratings if not np.isnan(q)]) / len(readable), 9)


def plain_srcc_credit(ratings: Array, labels: Array, bank_means: Array, bank_labels: Array) -> Array:
    credit = np.full(ratings.shape, np.nan)
    ranked = [i for i in range(len(ratings)) if not np.isnan(ratings[i]).all()]
    y = [*labels[ranked], *bank_labels]
    for place, i in enumerate(ranked):
        for j, q in enumerate(ratings[i]):
            if not np.isnan(q):
                x = [*(plain_mean(ratings[k]) for k in ranked), *bank_means]
                x[place] = round(float(q), 9)
                credit[i, j] = plain_spearman(x, y)
    return credit


def plain_fidelity_credit(ratings: Array, labels: Array) -> Array:
    credit = np.full(ratings.shape, np.nan)
    readable = [row[~np.isnan(row)] for row in ratings]
    for i, j in zip(*np.nonzero(~np.isnan(ratings)), strict=True):
        values = []
        for z in range(len(ratings)):
            if z != i and readable[z].size:
                deviation = math.sqrt(np.var(readable[i]) + np.var(readable[z]) + 1e-6)
                p = NormalDist().cdf((ratings[i, j] - np.mean(readable[z])) / deviation)
                g = 1.0 if labels[i] > labels[z] else 0.5 if labels[i] == labels[z] else 0.0
                values.append(math.sqrt(p * g) + math.sqrt((1 - p) * (1 - g)))
        credit[i, j] = sum(values) / len(values) if values else 0.0
    return credit


def random_batch(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Ratings, labels and a bank of any size, with ties in all of them and unreadable completions."""
    images, completions, banked = rng.integers(1, 7), rng.integers(1, 5), rng.integers(0, 4)
    decimals = rng.integers(0, 3)  # none: many ties
    ratings = np.round(rng.uniform(1, 5, (images, completions)), decimals)
    ratings[rng.random(ratings.shape) < rng.choice([0, 0.2, 0.8])] = np.nan
    labels, bank_labels = (np.round(rng.uniform(1, 5, n), rng.integers(0, 3)) for n in (images, banked))
    return ratings, labels, np.round(rng.uniform(1, 5, banked), decimals), bank_labels


def test_rank_credits_equal_plain_loops_on_thousands_of_batches() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        ratings, labels, bank_means, bank_labels = random_batch(rng)
        np.testing.assert_allclose(
            srcc_credit(ratings, labels, bank_means, bank_labels),
            plain_srcc_credit(ratings, labels, bank_means, bank_labels),
            atol=1e-12,
        )
        np.testing.assert_allclose(fidelity_credit(ratings, labels), plain_fidelity_credit(ratings, labels), atol=1e-7)


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(np.float64, (5, 3), elements=st.floats(1, 5) | st.just(math.nan)),
    hnp.arrays(np.float64, 5, elements=st.sampled_from([1.0, 2.5, 3.0, 4.75])),
)
def test_credits_equal_plain_loops_on_contrived_batches(ratings: Array, labels: Array) -> None:
    none = np.array([])
    np.testing.assert_allclose(srcc_credit(ratings, labels), plain_srcc_credit(ratings, labels, none, none), atol=1e-12)
    np.testing.assert_allclose(fidelity_credit(ratings, labels), plain_fidelity_credit(ratings, labels), atol=1e-7)
    for q, hit, nearness, y in zip(
        ratings, score_credit(ratings, labels), smooth_score_credit(ratings, labels), labels, strict=True
    ):
        assert [float(round(abs(value - y), 9) < 0.35) for value in q] == hit.tolist()
        expected = [0.0 if math.isnan(value) else 1 - abs(round(value, 9) - y) / 4 for value in q]
        np.testing.assert_allclose(nearness, expected, atol=1e-12)


def test_srcc_credit_is_scipys_spearman_on_a_batch_of_recipe_size() -> None:
    rng = np.random.default_rng(1)
    labels, bank_labels = rng.uniform(1, 5, 64), rng.uniform(1, 5, 512)
    ratings = np.round(labels[:, None] + rng.normal(0, 0.7, (64, 8)), 2)
    bank_means = bank_labels + rng.normal(0, 0.5, 512)
    start = time.process_time()
    credit = srcc_credit(ratings, labels, bank_means, bank_labels)
    assert time.process_time() - start < 0.5  # a few hundredths of a second, on a machine that is busy
    for i, j in [(0, 0), (63, 7), (31, 4)]:
        x = np.concatenate([ratings.mean(axis=1), bank_means])
        x[i] = ratings[i, j]
        expected = stats.spearmanr(x, np.concatenate([labels, bank_labels])).statistic
        assert credit[i, j] == pytest.approx(expected, abs=1e-12)


def test_plain_batch_srcc_gives_no_advantage_and_ours_does() -> None:
    """GRPO subtracts the mean of each group: what all completions of an image share is lost."""
    rng = np.random.default_rng(2)
    labels = rng.uniform(1, 5, 16)
    ratings = labels[:, None] + rng.normal(0, 0.8, (16, 8))

    def advantages(rewards: Array) -> Array:
        return rewards - rewards.mean(axis=1, keepdims=True)

    plain = np.full(ratings.shape, stats.spearmanr(ratings.mean(axis=1), labels).statistic)
    assert not advantages(plain).any()
    ours = advantages(srcc_credit(ratings, labels))
    assert (np.abs(ours).max(axis=1) > 0).mean() > 0.9
    # and it favours the completions that are nearer to where the label ranks
    nearer = -np.abs(stats.zscore(ratings, axis=None) - stats.zscore(labels)[:, None])
    assert stats.spearmanr(ours.ravel(), advantages(nearer).ravel()).statistic > 0.3


def test_credit_is_the_same_however_the_batch_is_ordered() -> None:
    rng = np.random.default_rng(3)
    labels, ratings = rng.uniform(1, 5, 7), rng.uniform(1, 5, (7, 4))
    images, completions = rng.permutation(7), rng.permutation(4)
    for credit in (srcc_credit, fidelity_credit):
        shuffled = credit(ratings[images][:, completions], labels[images])
        np.testing.assert_allclose(shuffled, credit(ratings, labels)[images][:, completions], atol=1e-12)


def test_bank_counts_as_further_images() -> None:
    ratings, labels = np.array([[2.0, 4.0], [3.0, 3.0]]), np.array([1.0, 5.0])
    in_batch = srcc_credit(np.vstack([ratings, [[2.5, 2.5]]]), [*labels, 3.0])
    np.testing.assert_allclose(srcc_credit(ratings, labels, [2.5], [3.0]), in_batch[:2])


@pytest.mark.parametrize(
    ("ratings", "labels"),
    [
        ([[2.0, 3.0]], [3.0]),
        ([[2.0, 3.0], [math.nan, math.nan]], [3.0, 4.0]),
        ([[2.0, 3.0], [4.0, 5.0]], [3.0, 3.0]),
        ([[2.0, 2.0], [2.0, 2.0]], [3.0, 4.0]),
        ([[3.7] * 8, [3.7] * 8], [3.0, 4.0]),  # whose means differ from 3.7 in their last digits
    ],
)
def test_undefined_correlation_is_zero(ratings: list[list[float]], labels: list[float]) -> None:
    credit = srcc_credit(ratings, labels)
    readable = ~np.isnan(ratings)
    assert (credit[readable] == 0).all()
    assert np.isnan(credit[~readable]).all()


def test_lone_image_compares_with_none() -> None:
    assert fidelity_credit([[2.0, 3.0]], [3.0]).tolist() == [[0.0, 0.0]]


def test_nothing_readable_is_nothing_earned() -> None:
    nothing = np.full((3, 2), np.nan)
    assert np.isnan(srcc_credit(nothing, [1, 2, 3])).all()
    assert np.isnan(fidelity_credit(nothing, [1, 2, 3])).all()
    assert not score_credit(nothing, [1, 2, 3]).any()
    assert not smooth_score_credit(nothing, [1, 2, 3]).any()


def test_score_just_at_the_threshold_is_a_miss() -> None:
    assert score_credit([[2.65, 2.66, 3.34, 3.35]], [3.0]).tolist() == [[0, 1, 1, 0]]
    assert score_credit([[4.35, 4.349]], [4.0]).tolist() == [[0, 1]]  # 4.35 − 4 is .3499… in binary
    assert score_credit([[3.9]], [3.0], threshold=1.0).tolist() == [[1]]


@pytest.mark.parametrize("credit", [srcc_credit, fidelity_credit, score_credit, smooth_score_credit])
def test_what_cannot_be_a_label_is_refused(credit: Callable[..., Array]) -> None:
    with pytest.raises(ValueError, match=r"labels\[1\] is nan"):
        credit([[1.0], [2.0]], [3.0, math.nan])
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(3,\)"):
        credit([[1.0], [2.0]], [3.0, 4.0, 5.0])


def test_bank_without_its_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="got 2 means and 1 labels"):
        srcc_credit([[1.0], [2.0]], [3.0, 4.0], [1.0, 2.0], [3.0])


@pytest.mark.parametrize(
    ("answer", "degradation", "severity", "credit"),
    [
        ("slight noise", "noise", "slight", 1.0),
        ("serious noise", "noise", "slight", 0.25),
        ("noise", "noise", "slight", 0.25),
        ("slight blur", "noise", "slight", 0.0),
        ("null", "null", None, 1.0),
        ("null", "null", "null", 1.0),
        ("null", "noise", "slight", 0.0),
        ("slight noise", "null", None, 0.0),
        ("???", "noise", "slight", 0.0),
    ],
)
def test_degradation_earns_by_class_and_severity(
    answer: str, degradation: str, severity: str | None, credit: float
) -> None:
    parsed: ParsedDegradation = parse_degradation(f"<answer>{answer}</answer>")
    assert degradation_credit([parsed], [degradation], [severity]).tolist() == [credit]


def test_format_earns_one_or_nothing() -> None:
    completions = [f"<think>a</think><answer>{answer}</answer>" for answer in ("3", "7", "noise slight", "3")] + ["3"]
    assert format_credit(completions, ["rating"] * 3 + ["degradation", "rating"]).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert format_credit(completions[2:3], ["degradation"]).tolist() == [1.0]

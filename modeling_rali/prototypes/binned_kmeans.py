"""Prototypes: k-means inside each of many narrow bins of the score."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning


def allot_prototypes(bin_sizes: np.ndarray, most: np.ndarray, num_prototypes: int) -> np.ndarray:
    """How many prototypes each bin gets.

    Every non-empty bin gets one; the rest go by largest remainder of the bins' sizes, and none gets more than it can
    hold, what is left over going to the others by the same rule.

    Args:
        bin_sizes: (N,) pictures in each bin.
        most: (N,) most prototypes a bin can hold: its distinct members.
        num_prototypes: K, how many to allot.

    Returns:
        (N,) prototypes of each bin, their sum K.

    Raises:
        ValueError: if K is below the number of non-empty bins or above the number of distinct members.
    """
    occupied = bin_sizes > 0
    if not occupied.sum() <= num_prototypes <= most.sum():
        raise ValueError(
            f"{num_prototypes} prototypes cannot be shared among {occupied.sum()} non-empty bins with {most.sum()} distinct "
            f"pictures: num_prototypes must be from {occupied.sum()} to {most.sum()}; or choose another number of bins."
        )
    counts = occupied.astype(int)
    while (rest := num_prototypes - counts.sum()) > 0:
        sizes = np.where(counts < most, bin_sizes, 0)
        shares = rest * sizes / sizes.sum()
        whole = np.minimum(np.floor(shares).astype(int), most - counts)
        if whole.sum() == 0:  # only remainders are left: one each to the largest, ties to the lower bin
            remainders = np.where(counts < most, shares, -1)
            whole[np.argsort(-remainders, kind="stable")[: min(rest, int((counts < most).sum()))]] = 1
        counts += whole
    return counts


def binned_kmeans(
    compressed: np.ndarray,
    scores: np.ndarray,
    score_range: tuple[float, float],
    num_bins: int = 240,
    num_prototypes: int = 250,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the score range into equal bins and run k-means inside each.

    Args:
        compressed: (N, P) compressed embeddings.
        scores: (N,) scores on `score_range`.
        score_range: (lowest, highest) score.
        num_bins: number of equal bins; empty ones get no prototype. 1 is k-means without bins (the ablation).
        num_prototypes: K, prototypes in all, shared among the bins by `allot_prototypes`.
        seed: of k-means.

    Returns:
        Prototypes (K, P), each the mean of its members, and their scores (K,), the mean of the members' scores; in
        order of the bins.

    Raises:
        ValueError: for lengths that differ, scores outside the range or not finite, or a K that cannot be shared.
    """
    low, high = score_range
    if len(compressed) != len(scores):
        raise ValueError(f"{len(compressed)} embeddings but {len(scores)} scores.")
    outside = np.flatnonzero(~((scores >= low) & (scores <= high)))
    if len(outside):
        raise ValueError(
            f"{len(outside)} scores are outside [{low}, {high}], the first {scores[outside[0]]} in row {outside[0]}."
        )
    bins = np.minimum(((scores - low) / (high - low) * num_bins).astype(int), num_bins - 1)
    members = [np.flatnonzero(bins == index) for index in range(num_bins)]
    distinct = np.array([len(np.unique(compressed[rows], axis=0)) if len(rows) else 0 for rows in members])
    counts = allot_prototypes(np.array([len(rows) for rows in members]), distinct, num_prototypes)

    prototypes, prototype_scores = [], []
    for rows, count in zip(members, counts, strict=True):
        if count == 0:
            continue
        clusters = np.zeros(len(rows), dtype=int)
        if count > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)  # fewer clusters than asked for would be silent
                clusters = KMeans(count, n_init=4, random_state=seed).fit(compressed[rows]).labels_
        for cluster in range(count):
            prototypes.append(compressed[rows[clusters == cluster]].mean(axis=0))
            prototype_scores.append(scores[rows[clusters == cluster]].mean())
    return np.array(prototypes), np.array(prototype_scores)

"""Prototypes: how they are shared among bins, and k-means inside each."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from modeling_rali.prototypes.binned_kmeans import allot_prototypes, binned_kmeans


@given(sizes=st.lists(st.integers(0, 50), min_size=1, max_size=40), data=st.data())
def test_allotment_holds_its_promises(sizes: list[int], data: st.DataObject) -> None:
    bin_sizes = np.array(sizes)
    assume(bin_sizes.sum() > 0)
    most = np.array([data.draw(st.integers(1, size)) if size else 0 for size in sizes])
    total = data.draw(st.integers(int((bin_sizes > 0).sum()), int(most.sum())))
    counts = allot_prototypes(bin_sizes, most, total)
    assert counts.sum() == total
    assert (counts <= most).all()
    assert ((counts >= 1) == (bin_sizes > 0)).all()


def test_allotment_follows_the_largest_remainders() -> None:
    # 3 are fixed; of the other 5, shares are 2.5, 1.5 and 1: whole parts 2, 1, 1 and one to a remainder of a half
    assert allot_prototypes(np.array([50, 30, 20]), np.array([50, 30, 20]), 8).tolist() == [4, 2, 2]


def test_a_full_bin_passes_its_share_on() -> None:
    assert allot_prototypes(np.array([90, 5, 5]), np.array([2, 5, 5]), 8).tolist() == [2, 3, 3]


@pytest.mark.parametrize("total", [1, 13])
def test_impossible_totals_are_refused_with_the_bounds(total: int) -> None:
    with pytest.raises(ValueError, match="from 2 to 12"):
        allot_prototypes(np.array([6, 0, 6]), np.array([6, 0, 6]), total)


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 6)), rng.uniform(1, 5, 200)


def test_equals_scikit_learns_kmeans_in_each_bin(sample: tuple[np.ndarray, np.ndarray]) -> None:
    compressed, scores = sample
    prototypes, prototype_scores = binned_kmeans(compressed, scores, (1, 5), num_bins=4, num_prototypes=12, seed=3)
    edges = np.linspace(1, 5, 5)
    for low, high in itertools.pairwise(edges):
        ours = prototypes[(prototype_scores >= low) & (prototype_scores < high)]
        members = compressed[(scores >= low) & (scores < high)]
        theirs = KMeans(len(ours), n_init=4, random_state=3).fit(members).cluster_centers_
        order = [np.lexsort(centres.T) for centres in (ours, theirs)]
        np.testing.assert_allclose(ours[order[0]], theirs[order[1]], atol=1e-9)


def test_every_prototype_is_the_mean_of_pictures_of_its_bin(sample: tuple[np.ndarray, np.ndarray]) -> None:
    compressed, scores = sample
    prototypes, prototype_scores = binned_kmeans(compressed, scores, (1, 5), num_bins=200, num_prototypes=170)
    assert len(prototypes) == 170
    assert (np.diff(np.floor((prototype_scores - 1) / 4 * 200)) >= 0).all()
    single = [row for row in range(200) if (np.floor((scores - 1) * 50) == np.floor((scores[row] - 1) * 50)).sum() == 1]
    assert single
    for row in single:
        assert np.isclose(prototype_scores, scores[row]).any()
        assert (np.abs(prototypes - compressed[row]).max(axis=1) < 1e-12).any()


def test_one_bin_is_plain_kmeans(sample: tuple[np.ndarray, np.ndarray]) -> None:
    compressed, scores = sample
    prototypes, _ = binned_kmeans(compressed, scores, (1, 5), num_bins=1, num_prototypes=5)
    theirs = KMeans(5, n_init=4, random_state=0).fit(compressed).cluster_centers_
    np.testing.assert_allclose(np.sort(prototypes, 0), np.sort(theirs, 0), atol=1e-9)


def test_repeated_pictures_hold_one_prototype() -> None:
    compressed = np.repeat(np.arange(3.0)[:, None], 10, axis=0)
    prototypes, _ = binned_kmeans(compressed, np.full(30, 3.0), (1, 5), num_bins=2, num_prototypes=3)
    assert sorted(prototypes[:, 0]) == [0, 1, 2]
    with pytest.raises(ValueError, match="from 1 to 3"):
        binned_kmeans(compressed, np.full(30, 3.0), (1, 5), num_bins=2, num_prototypes=4)


def test_bad_scores_are_named(sample: tuple[np.ndarray, np.ndarray]) -> None:
    compressed, scores = sample
    with pytest.raises(ValueError, match="200 embeddings but 199 scores"):
        binned_kmeans(compressed, scores[1:], (1, 5))
    for bad in (0.5, np.nan):
        scores[4] = bad
        with pytest.raises(ValueError, match=r"1 scores are outside \[1, 5\].* row 4"):
            binned_kmeans(compressed, scores, (1, 5))

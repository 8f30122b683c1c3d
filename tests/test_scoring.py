"""The score definition against a plain NumPy float64 rendering of its equations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_rali.scoring import ACR_LABELS, compress, expected_score, prototype_weights, quality_label


def rendering(
    embeds: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    components: np.ndarray,
    prototypes: np.ndarray,
    scores: np.ndarray,
    temperature: float,
) -> np.ndarray:
    """The four lines of the score definition, in float64, one picture and one prototype at a time."""
    result = []
    for embedding in embeds.astype(np.float64):
        z = components @ ((embedding - mean) / np.abs(scale))
        z = z / np.sqrt(np.sum(z**2))
        logits = np.array([z @ (mu / np.sqrt(np.sum(mu**2))) for mu in prototypes]) / temperature
        weights = np.exp(logits - logits.max())
        result.append(weights @ scores / weights.sum())
    return np.array(result)


def head_tensors(seed: int, embed_dim: int, pca_dim: int, prototypes: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "embeds": rng.normal(size=(5, embed_dim)),
        "mean": rng.normal(size=embed_dim),
        "scale": rng.uniform(0.3, 3, embed_dim) * rng.choice([-1, 1], embed_dim),
        "components": rng.normal(size=(pca_dim, embed_dim)),
        "prototypes": rng.normal(size=(prototypes, pca_dim)),
        "scores": rng.uniform(1, 5, prototypes),
    }


def score(tensors: dict[str, np.ndarray], temperature: float, dtype: torch.dtype) -> torch.Tensor:
    t = {name: torch.tensor(array, dtype=dtype) for name, array in tensors.items()}
    compressed = compress(t["embeds"], t["mean"], t["scale"], t["components"])
    weights = prototype_weights(compressed, t["prototypes"], torch.tensor(temperature, dtype=dtype))
    return expected_score(weights, t["scores"])


@given(
    seed=st.integers(0, 2**31),
    embed_dim=st.integers(1, 40),
    prototypes=st.integers(1, 30),
    temperature=st.sampled_from([0.02, 0.07, 1.0]),
    data=st.data(),
)
def test_head_equals_the_rendering(
    seed: int, embed_dim: int, prototypes: int, temperature: float, data: st.DataObject
) -> None:
    tensors = head_tensors(seed, embed_dim, data.draw(st.integers(1, embed_dim)), prototypes)
    expected = rendering(**tensors, temperature=temperature)
    np.testing.assert_allclose(score(tensors, temperature, torch.float64), expected, atol=1e-6)
    # A tiny z has a direction that float32 rounds: the tolerance is for the rest
    z = compress(*(torch.tensor(tensors[name]) for name in ("embeds", "mean", "scale", "components"))).norm(dim=-1)
    usual = (z > 1e-2).numpy()
    np.testing.assert_allclose(score(tensors, temperature, torch.float32)[usual], expected[usual], atol=1e-3, rtol=1e-4)


def test_head_equals_the_rendering_at_the_papers_sizes() -> None:
    tensors = head_tensors(0, 768, 512, 250)
    np.testing.assert_allclose(score(tensors, 0.07, torch.float32), rendering(**tensors, temperature=0.07), atol=1e-4)


@given(seed=st.integers(0, 2**31))
def test_score_lies_between_the_extreme_prototype_scores(seed: int) -> None:
    tensors = head_tensors(seed, 12, 6, 8)
    scores = score(tensors, 0.01, torch.float64)
    assert scores.min() >= tensors["scores"].min() - 1e-12
    assert scores.max() <= tensors["scores"].max() + 1e-12


def test_permuting_the_prototypes_changes_nothing() -> None:
    tensors = head_tensors(0, 12, 6, 50)
    order = np.random.default_rng(1).permutation(50)
    permuted = {**tensors, "prototypes": tensors["prototypes"][order], "scores": tensors["scores"][order]}
    torch.testing.assert_close(score(permuted, 0.07, torch.float64), score(tensors, 0.07, torch.float64))


def test_zero_embedding_weighs_all_prototypes_alike() -> None:
    weights = prototype_weights(torch.zeros(1, 4), torch.randn(5, 4), torch.tensor(0.07))
    torch.testing.assert_close(weights, torch.full((1, 5), 0.2))


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (1.0, "bad"),
        (1.79, "bad"),
        (1.8, "poor"),
        (2.6, "fair"),
        (3.0, "fair"),
        (4.19, "good"),
        (4.3, "excellent"),
        (5.0, "excellent"),
    ],
)
def test_label_is_the_fifth_of_the_range(value: float, label: str) -> None:
    assert quality_label(value, (1.0, 5.0)) == label


def test_labels_on_another_range_and_beyond_it() -> None:
    assert [quality_label(value, (0.0, 100.0)) for value in (10, 30, 50, 70, 90)] == list(ACR_LABELS)
    assert quality_label(-1.0, (0.0, 1.0)) == "bad"
    assert quality_label(1.1, (0.0, 1.0)) == "excellent"

"""The score definition of RALI: from an image embedding to a score, as pure functions on tensors.

    z = ((e - mean) / |scale|) · Wᵀ,   w = softmax(cos(z, μ) / τ),   score = w · f

after Zhao et al., *Reasoning as Representation* (ICLR 2026, arXiv 2510.11369) and its released inference code. The model
scores with these functions and the prototype fitting trains through them, so both mean the same thing.

Shapes: B pictures, D embedding width, P compressed width, K prototypes, T pairs of quality terms.
"""

import torch
from torch.nn import functional as F

ACR_LABELS = ("bad", "poor", "fair", "good", "excellent")
"""The five grades of the absolute category rating scale (ITU-T P.910, ITU-R BT.500), worst first."""

STRIKING = 3.0
"""Deviations from the usual picture from which on a fault is named first whatever the score."""


def compress(embeds: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor, components: torch.Tensor) -> torch.Tensor:
    """Standardise embeddings and project them on the directions that are kept: z = ((e - mean) / |scale|) · Wᵀ.

    Args:
        embeds: (B, D) image embeddings, not L2-normalised.
        mean: (D,) of the training embeddings, or moved off it (see `prototypes.compression`).
        scale: (D,) scale of each dimension, non-zero; only its magnitude counts.
        components: (P, D) directions W, such as principal axes.

    Returns:
        (B, P) compressed embeddings z.
    """
    return F.linear((embeds - mean) / scale.abs(), components)


def prototype_weights(compressed: torch.Tensor, prototypes: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Softmax over the cosine similarities to the prototypes: w = softmax(ẑ · μ̂ᵀ / τ).

    Args:
        compressed: (B, P) compressed embeddings z; a zero vector is equally far from every prototype.
        prototypes: (K, P) prototypes μ.
        temperature: () softmax temperature τ > 0; 1 is the paper's equation, which shows none.

    Returns:
        (B, K) weights, non-negative, each row summing to 1.
    """
    similarity = F.linear(F.normalize(compressed, dim=-1), F.normalize(prototypes, dim=-1))
    return torch.softmax(similarity / temperature, dim=-1)


def expected_score(weights: torch.Tensor, prototype_scores: torch.Tensor) -> torch.Tensor:
    """The weighted mean of the prototype scores: score = w · f, which lies in [min f, max f].

    Args:
        weights: (B, K) convex weights.
        prototype_scores: (K,) score f of each prototype, on the score range.

    Returns:
        (B,) scores.
    """
    return weights @ prototype_scores


def term_contrasts(embeds: torch.Tensor, terms: torch.Tensor) -> torch.Tensor:
    """How much nearer an embedding is to the good term of each pair than to the bad one: cos(e, good) - cos(e, bad).

    Args:
        embeds: (B, D) image embeddings, of any length.
        terms: (T, 2, D) unit-length text embeddings of the good and the bad term of each pair.

    Returns:
        (B, T) contrasts in [-2, 2].
    """
    return F.linear(F.normalize(embeds, dim=-1), terms[:, 0] - terms[:, 1])


def ranked_terms(
    contrasts: list[float], pairs: list[list[str]], score: float, score_range: tuple[float, float]
) -> list[tuple[str, float]]:
    """The terms that explain a score, the first one most.

    Below the middle of the range, and where the strongest is a fault of at least `STRIKING` deviations, the faults come first,
    and otherwise the merits; within each the stronger first. A term is the good or the bad one of its pair as the contrast is
    positive or negative.

    Args:
        contrasts: T standardised contrasts of one picture.
        pairs: T pairs [good term, bad term].
        score: the picture's score.
        score_range: (lowest, highest) score.

    Returns:
        T pairs of a term and its strength ≥ 0, in deviations from the usual picture.
    """
    worst = -min(contrasts)
    striking = worst >= STRIKING and worst > max(contrasts)
    sign = -1 if striking or score < sum(score_range) / 2 else 1
    order = sorted(range(len(pairs)), key=lambda index: (sign * contrasts[index] <= 0, -abs(contrasts[index])))
    return [(pairs[index][contrasts[index] < 0], abs(contrasts[index])) for index in order]


def remark(terms: list[tuple[str, float]], most: int = 3, least: float = 0.5) -> str:
    """Ranked terms as a short remark: at most `most` of them, those of at least the strength `least`."""
    return ", ".join(term for term, strength in terms[:most] if strength >= least) or "nothing unusual"


def quality_label(score: float, score_range: tuple[float, float]) -> str:
    """The ACR grade of a score: the name of the fifth of `score_range` it falls in ("bad" … "excellent").

    A score on a boundary belongs to the better grade; scores outside the range get the nearest grade.
    """
    low, high = score_range
    fifth = int((score - low) / (high - low) * len(ACR_LABELS))
    return ACR_LABELS[min(max(fifth, 0), len(ACR_LABELS) - 1)]

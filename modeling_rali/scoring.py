"""The score definition of RALI: from an image embedding to a score, as pure functions on tensors.

    z = ((e - mean) / |scale|) · Wᵀ,   w = softmax(cos(z, μ) / τ),   score = w · f

after Zhao et al., *Reasoning as Representation* (ICLR 2026, arXiv 2510.11369) and its released inference code. The model
scores with these functions and the prototype fitting trains through them, so both mean the same thing.

Shapes: B pictures, D embedding width, P compressed width, K prototypes.
"""

import torch
from torch.nn import functional as F

ACR_LABELS = ("bad", "poor", "fair", "good", "excellent")
"""The five grades of the absolute category rating scale (ITU-T P.910, ITU-R BT.500), worst first."""


def compress(embeds: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor, components: torch.Tensor) -> torch.Tensor:
    """Standardise embeddings and project them on the principal components: z = ((e - mean) / |scale|) · Wᵀ.

    Args:
        embeds: (B, D) image embeddings, not L2-normalised.
        mean: (D,) mean of the training embeddings.
        scale: (D,) scale of each dimension, non-zero; only its magnitude counts.
        components: (P, D) principal axes W.

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


def quality_label(score: float, score_range: tuple[float, float]) -> str:
    """The ACR grade of a score: the name of the fifth of `score_range` it falls in ("bad" … "excellent").

    A score on a boundary belongs to the better grade; scores outside the range get the nearest grade.
    """
    low, high = score_range
    fifth = int((score - low) / (high - low) * len(ACR_LABELS))
    return ACR_LABELS[min(max(fifth, 0), len(ACR_LABELS) - 1)]

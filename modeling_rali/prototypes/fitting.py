"""Fitting a model's whole head to embeddings and labels: compression → prototypes → fine-tuning."""

from dataclasses import dataclass, field

import torch

from ..modeling_rali import RaliHead, RaliModel
from .binned_kmeans import binned_kmeans
from .compression import fit_compression, fit_supervised_compression
from .fine_tuning import Embedded, FineTuning, fine_tune


@dataclass(frozen=True)
class HeadFit:
    """How a head is fitted. The defaults are the paper's; each of its ablations is one setting.

    Attributes:
        pca_dim: number of principal axes, or of the directions of partial least squares; `None` for neither.
        supervised: compress by partial least squares on the scores in place of PCA.
        num_bins: equal bins of the score range that k-means runs in; 1 for k-means without bins.
        num_prototypes: prototypes in all.
        temperature: softmax temperature τ; 1 for none.
        fine_tuning: settings of the last step; with 0 epochs it is left out.
        seed: of the PCA's solver, k-means and fine-tuning.
    """

    pca_dim: int | None = 512
    supervised: bool = False
    num_bins: int = 240
    num_prototypes: int = 250
    temperature: float = 0.07
    fine_tuning: FineTuning = field(default_factory=FineTuning)
    seed: int = 0


def fit_head(model: RaliModel, train: Embedded, validation: Embedded, settings: HeadFit) -> list[dict[str, float]]:
    """Give `model` a head fitted to `train`; `validation` chooses the epoch of its fine-tuning.

    Compression and k-means see the first view alone, where there are several views of a picture.

    Args:
        model: its head is replaced, and its config set to the head's sizes.
        train: embeddings (N, D) or (V, N, D), and scores (N,) on the model's score range.
        validation: embeddings (M, D) and scores (M,) of pictures that share no scene with those of `train`.
        settings: see `HeadFit`.

    Returns:
        The history of the fine-tuning (see `fine_tune`).

    Raises:
        ValueError: for embeddings or settings that no head can be fitted to (see `fit_compression`, `binned_kmeans`).
    """
    embeds = (train.embeds[0] if train.embeds.ndim == 3 else train.embeds).double().numpy()
    labels = train.scores.double().numpy()
    if settings.supervised and settings.pca_dim is not None:
        compression = fit_supervised_compression(embeds, labels, settings.pca_dim)
    else:
        compression = fit_compression(embeds, settings.pca_dim, settings.seed)
    low, high = model.config.score_range
    prototypes, scores = binned_kmeans(
        compression.apply(embeds),
        labels,
        (low, high),
        settings.num_bins,
        settings.num_prototypes,
        settings.seed,
    )
    model.config.pca_dim = len(compression.components)
    model.config.num_prototypes = len(prototypes)
    head = RaliHead(model.config)
    tensors = {**compression._asdict(), "prototypes": prototypes, "prototype_scores": scores}
    head.load_state_dict(
        {name: torch.as_tensor(value, dtype=torch.float32) for name, value in tensors.items()}
        | {"temperature": torch.tensor(settings.temperature)}
    )
    model.head = head
    history = fine_tune(head, train, validation, settings.fine_tuning, (low, high), settings.seed)
    model.config.temperature = head.temperature.item()
    return history

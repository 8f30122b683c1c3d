"""Fine-tuning of the prototype head on the mean squared error, the encoder frozen."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ..metrics import srcc
from ..modeling_rali import RaliHead

TRAINABLE = ("prototypes", "prototype_scores", "temperature", "scale", "components")


@dataclass(frozen=True)
class FineTuning:
    """How the head is fine-tuned.

    Attributes:
        epochs: most passes over the training embeddings; 0 for none (the ablation).
        patience: stop after so many epochs without a better validation SRCC.
        learning_rate: of AdamW, for every tensor in `train`, decayed to zero along a cosine over `epochs`.
        weight_decay: of AdamW, on the matrices (prototypes and components) alone.
        batch_size: embeddings a step.
        noise: standard deviation of Gaussian noise added to the standardised embeddings, a regulariser.
        train: which tensors of the head are tuned; of `TRAINABLE`.
    """

    epochs: int = 30
    patience: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 128
    noise: float = 0.0
    train: tuple[str, ...] = ("prototypes", "prototype_scores", "temperature")

    def __post_init__(self) -> None:
        unknown = set(self.train) - set(TRAINABLE)
        if unknown:
            raise ValueError(f"the head has no tensors {sorted(unknown)} to train: choose among {TRAINABLE}.")


@dataclass(frozen=True)
class Embedded:
    """Embeddings (N, D) of pictures with their scores (N,) on the model's score range.

    Embeddings (V, N, D) hold V views of each picture, of which one is drawn at each step.
    """

    embeds: torch.Tensor
    scores: torch.Tensor


def fine_tune(
    head: RaliHead,
    train: Embedded,
    validation: Embedded,
    settings: FineTuning,
    score_range: tuple[float, float],
    seed: int = 0,
) -> list[dict[str, float]]:
    """Tune `head` in place and leave it at the epoch with the highest SRCC on `validation`.

    The epoch before any tuning, number 0, takes part, so that tuning never makes the head worse on `validation`.
    Prototype scores are kept on `score_range`, and with them every score the head can give.

    Returns:
        One record an epoch: epoch, mean squared error on `train` (`train_mse`; absent from epoch 0) and `validation_srcc`.
    """
    generator = torch.Generator().manual_seed(seed)
    tuned = [getattr(head, name) for name in settings.train]
    matrices = [parameter for parameter in tuned if parameter.ndim > 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": [parameter for parameter in tuned if parameter.ndim < 2], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
    )
    views = train.embeds if train.embeds.ndim == 3 else train.embeds[None]
    steps = -(-len(train.scores) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(settings.epochs * steps, 1))

    def snapshot() -> dict[str, torch.Tensor]:
        return {name: tensor.clone() for name, tensor in head.state_dict().items()}

    history = [{"epoch": 0.0, "validation_srcc": _validation_srcc(head, validation)}]
    best, best_state = history[0], snapshot()
    for epoch in range(1, settings.epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(train.scores), generator=generator).split(settings.batch_size):
            view = torch.randint(len(views), (len(rows),), generator=generator)
            embeds = views[view, rows]
            if settings.noise:
                noise = torch.randn(embeds.shape, generator=generator) * settings.noise
                embeds = embeds + noise * head.scale.detach().abs()
            loss = F.mse_loss(head(embeds)[0], train.scores[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                head.prototype_scores.clamp_(*score_range)
            total += loss.item() * len(rows)
        srcc_now = _validation_srcc(head, validation)
        history.append({"epoch": float(epoch), "train_mse": total / len(train.scores), "validation_srcc": srcc_now})
        if srcc_now > best["validation_srcc"]:
            best, best_state = history[-1], snapshot()
        elif epoch - best["epoch"] >= settings.patience:
            break
    head.load_state_dict(best_state)
    return history


@torch.no_grad()
def _validation_srcc(head: RaliHead, validation: Embedded) -> float:
    return srcc(head(validation.embeds)[0].numpy(), validation.scores.numpy())

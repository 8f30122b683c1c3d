"""Alignment with transformers' Trainer: contrast with texts over the whole batch on all processes, and the scores."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Sampler
from transformers import Trainer, TrainerControl, TrainingArguments

from ..image_processing_rali import read_image
from ..metrics import plcc, srcc
from .data import AlignmentDataset, AlignmentSampler, collate
from .loss import gather_with_gradients, multi_positive_info_nce, positive_pairs
from .model import Aligned, AlignmentModel
from .warm_start import ridge

_SCALE_RATE = 3e-3  # learning rate of log 1/τ: it can triple in a few hundred steps
_RIDGE_PENALTY = 0.1  # per picture, on embeddings of unit spread


@dataclass(frozen=True)
class HeldOut:
    """Pictures to validate on, whole and undegraded: paths and scores (N,) on any scale."""

    paths: Sequence[str]
    scores: np.ndarray


class AlignmentTrainer(Trainer):
    """Trains an `AlignmentModel` on text_weight · InfoNCE + score_weight · MSE.

    Negatives are all pictures and texts of the batch on all processes, with gradients to each. With `chunk_size` the
    tower sees that many pictures at a time, and the loss still the whole batch: embeddings are computed without gradients
    first, then chunk by chunk again with the gradient that the loss has with respect to them (Gao et al., arXiv
    2101.06983). It takes one forward pass more and a chunk's memory.

    Evaluation is the SRCC of validation pictures: of the line to the score where it is trained, and otherwise of a ridge
    regression on the embeddings of `reference` in the space of texts.

    Args:
        model: to align.
        args: transformers' own; `gradient_accumulation_steps` must be 1, which would part the negatives.
        train_dataset: pictures and texts.
        degraded: (N,) which rows of it are degraded pictures.
        degraded_share: see `AlignmentSampler`.
        held_out: validation pictures, of two different scores at least.
        reference: training pictures for the ridge regression; needed where `score_weight` is 0.
        text_weight, score_weight: of the two losses.
        chunk_size: pictures in one pass of the tower; `None` for all.
        head_learning_rate: of projection and read-out, relative to the root mean square of their weights.

    Raises:
        ValueError: for settings that leave nothing to contrast or train.
    """

    def __init__(
        self,
        model: AlignmentModel,
        args: TrainingArguments,
        train_dataset: AlignmentDataset,
        degraded: np.ndarray,
        degraded_share: float,
        held_out: HeldOut,
        reference: HeldOut | None = None,
        text_weight: float = 1.0,
        score_weight: float = 0.0,
        chunk_size: int | None = None,
        head_learning_rate: float = 1e-2,
        **kwargs: Any,
    ) -> None:
        if args.gradient_accumulation_steps != 1:
            raise ValueError(
                f"gradient_accumulation_steps is {args.gradient_accumulation_steps}, which would contrast each part of a "
                "batch only with itself: leave it at 1, raise per_device_train_batch_size, and set chunk_size to what fits."
            )
        if args.per_device_train_batch_size * args.world_size < 2:
            raise ValueError("a batch of one picture has no negatives: per_device_train_batch_size must be at least 2.")
        if len(degraded) < args.per_device_train_batch_size * args.world_size:
            raise ValueError(
                f"{len(degraded)} pictures do not fill one batch of {args.per_device_train_batch_size * args.world_size}: "
                "give more, or lower per_device_train_batch_size."
            )
        if not (text_weight >= 0 and score_weight >= 0 and text_weight + score_weight > 0):
            raise ValueError(
                f"text_weight {text_weight} and score_weight {score_weight}: one must be above 0, none below."
            )
        if score_weight > 0 and train_dataset.labels.isnan().all():
            raise ValueError(f"score_weight is {score_weight}, but no picture to train on has a label: set it to 0.")
        if score_weight == 0 and (reference is None or len(reference.paths) < 2):
            raise ValueError(
                "with score_weight 0 validation needs `reference`, labelled pictures to fit a regression on."
            )
        if len(np.unique(held_out.scores)) < 2:
            raise ValueError(
                f"{len(held_out.scores)} labelled validation pictures without two different scores have no SRCC: "
                "set more pictures aside."
            )
        # A tensor without gradient must not take part: processes would wait for it
        model.readout.requires_grad_(score_weight > 0)
        model.log_scale.requires_grad_(text_weight > 0)
        if model.projection is not None:
            model.projection.requires_grad_(text_weight > 0)
        self.degraded, self.degraded_share = degraded, degraded_share
        self.held_out, self.reference = held_out, reference
        self.text_weight, self.score_weight = text_weight, score_weight
        self.chunk_size = chunk_size
        self.head_learning_rate = head_learning_rate
        # `evaluate` has pictures of its own, but the trainer wants to be given some
        super().__init__(
            model=model, args=args, train_dataset=train_dataset, eval_dataset=[], data_collator=collate, **kwargs
        )
        self.model_accepts_loss_kwargs = False

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler:
        return AlignmentSampler(self.degraded, self.degraded_share, self.args.seed)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW: the tower at `learning_rate`, projection and read-out relative to their weights, 1/τ at a rate of its own."""
        if not isinstance(self.optimizer, torch.optim.Optimizer):
            self.optimizer: torch.optim.Optimizer = torch.optim.AdamW(
                list(parameter_groups(self.model, self.args, self.head_learning_rate)),
                betas=(self.args.adam_beta1, self.args.adam_beta2),
                eps=self.args.adam_epsilon,
            )
        return self.optimizer

    def loss(self, aligned: Aligned, batch: dict[str, Any]) -> torch.Tensor:
        """The loss () of the whole batch on all processes, the same on each.

        Raises:
            ValueError: if it is not finite.
        """
        total = aligned.embeds.new_zeros(())
        if self.text_weight:
            pairs = positive_pairs(_gathered(batch["image_keys"]), _gathered(batch["text_keys"]))
            contrast = multi_positive_info_nce(
                gather_with_gradients(aligned.embeds), _gathered(batch["text_embeds"]), pairs, aligned.log_scale.exp()
            )
            total = total + self.text_weight * contrast
        if self.score_weight:
            error = score_error(gather_with_gradients(aligned.scores), _gathered(batch["labels"]))
            total = total + self.score_weight * error
        if not total.isfinite():
            raise ValueError(
                "the loss is not finite: lower the learning rate, or look for weights or labels that are NaN."
            )
        return total

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of one batch in one pass."""
        aligned = model(inputs["pixel_values"])
        loss = self.loss(aligned, inputs)
        return (loss, aligned) if return_outputs else loss

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """One batch forward and backward, in chunks where `chunk_size` asks for it."""
        pictures = inputs["pixel_values"]
        if self.chunk_size is None or len(pictures) <= self.chunk_size:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        inputs = self._prepare_inputs(inputs)
        pictures = inputs["pixel_values"]
        chunks = [pictures[start : start + self.chunk_size] for start in range(0, len(pictures), self.chunk_size)]
        with torch.no_grad():
            parts = [model(chunk) for chunk in chunks]
        leaves = Aligned(
            torch.cat([part.embeds for part in parts]).requires_grad_(),
            torch.cat([part.scores for part in parts]).requires_grad_(),
            parts[0].log_scale.clone().requires_grad_(),
        )
        loss = self.loss(leaves, inputs)
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        for index, chunk in enumerate(chunks):
            last = index == len(chunks) - 1
            rows = slice(index * self.chunk_size, index * self.chunk_size + len(chunk))
            with nullcontext() if last else self.accelerator.no_sync(model):
                aligned = model(chunk)
                surrogate = (aligned.embeds * gradients[0][rows]).sum() + (aligned.scores * gradients[1][rows]).sum()
                # 1/τ is no chunk's own: its gradient is given once
                surrogate = surrogate + aligned.log_scale * gradients[2] * float(last)
                self.accelerator.backward(surrogate)
        return loss.detach()

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        # safetensors takes no tensors whose channels lie last
        tensors = self.model.state_dict() if state_dict is None else state_dict
        super()._save(output_dir, {name: tensor.contiguous() for name, tensor in tensors.items()})

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """SRCC and PLCC of the validation pictures."""
        embeds, predicted = self.predict_pictures(self.held_out.paths)
        if not self.score_weight:
            assert self.reference is not None
            known, _ = self.predict_pictures(self.reference.paths)
            predicted = ridge_prediction(known, self.reference.scores, embeds)
        metrics = {
            f"{metric_key_prefix}_srcc": srcc(predicted, self.held_out.scores),
            f"{metric_key_prefix}_plcc": plcc(predicted, self.held_out.scores),
        }
        self.log(metrics)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    @torch.no_grad()
    def predict_pictures(self, paths: Sequence[str]) -> tuple[torch.Tensor, np.ndarray]:
        """Embeddings (N, D) and standardised scores (N,) of whole pictures, shared among the processes, in order."""
        model, processor = self.model.eval(), self.model.rali.image_processor
        own = range(self.args.process_index, len(paths), self.args.world_size)
        rows = []
        with self.compute_loss_context_manager(), self.accelerator.autocast():
            for index in own:
                pixels = processor.pixels(read_image(paths[index])).to(self.args.device)
                aligned = model([pixels])
                rows.append((index, aligned.embeds[0].float().cpu().numpy(), aligned.scores.item()))
        _, embeds, scores = zip(*sorted(gather_object(rows), key=lambda row: row[0]), strict=True)
        return torch.from_numpy(np.stack(embeds)), np.array(scores)


def parameter_groups(model: AlignmentModel, args: TrainingArguments, head_learning_rate: float) -> list[dict[str, Any]]:
    """What is trained at which rate: weights of the tower decay, and its norms and biases, projection and read-out do not."""
    tower = [parameter for parameter in model.rali.vision_model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [weight for weight in tower if weight.ndim > 1], "weight_decay": args.weight_decay},
        {"params": [other for other in tower if other.ndim < 2], "weight_decay": 0.0},
        {"params": [model.log_scale], "lr": _SCALE_RATE, "weight_decay": 0.0},
    ]
    projection = model.rali.projection if model.projection is None else model.projection.linear
    for linear in filter(None, (projection, model.readout)):
        size = linear.weight.detach().pow(2).mean().sqrt().item() or 1e-2  # a read-out that starts at zero
        for parameter in linear.parameters():
            groups.append({"params": [parameter], "lr": head_learning_rate * size, "weight_decay": 0.0})
    trained = [
        {"lr": args.learning_rate} | group | {"params": [p for p in group["params"] if p.requires_grad]}
        for group in groups
    ]
    return [group for group in trained if group["params"]]


def score_error(predicted: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean squared error () over the rows whose label is not NaN; 0 where all are. predicted, labels: (B,)."""
    known = ~labels.isnan()
    error = (predicted - labels.nan_to_num()).square() * known
    return error.sum() / known.sum().clamp_min(1)


def ridge_prediction(train_embeds: torch.Tensor, train_scores: np.ndarray, embeds: torch.Tensor) -> np.ndarray:
    """Scores (M,) of embeddings (M, D) by ridge regression on the directions of (N, D) embeddings with scores (N,)."""
    train, other = F.normalize(train_embeds, dim=-1), F.normalize(embeds, dim=-1)
    centre = train.mean(0)
    spread = (train - centre).std()
    targets = torch.from_numpy(train_scores - train_scores.mean()).to(train)[:, None]
    weights = ridge((train - centre) / spread, targets, _RIDGE_PENALTY * len(train))
    return (((other - centre) / spread) @ weights).squeeze(-1).numpy() + train_scores.mean()


def _gathered(tensor: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, for what needs no gradient."""
    with torch.no_grad():
        return gather_with_gradients(tensor)

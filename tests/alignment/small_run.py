"""A small alignment, whole or shared among processes: what the tests of the trainer run."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from torch.nn import functional as F
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed

from modeling_rali import RaliConfig, RaliModel
from modeling_rali.alignment.data import AlignmentDataset, Texts
from modeling_rali.alignment.model import AlignmentModel, StandardisedProjection
from modeling_rali.alignment.trainer import AlignmentTrainer, HeldOut
from tests.conftest import TINY_CLIP

TRAINED, VALIDATION = 12, 4


class Kill(TrainerCallback):
    """`kill -9` after so many steps, between two checkpoints."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def small_trainer(
    pictures: Path, output: Path, labelled: slice = slice(None), own_projection: bool = False, **settings: Any
) -> AlignmentTrainer:
    """Twelve pictures of `save_biq2021`, a third of them counted as degraded, two texts each; a random CLIP tower of 32 px.

    Args:
        pictures: their folder.
        output: for checkpoints.
        labelled: which of them have a label.
        own_projection: whether the space of texts is another one, which the image embedding is projected into.
        settings: of `AlignmentTrainer`, or of `TrainingArguments`.
    """
    paths = [str(pictures / f"ss{number}.jpg") for number in range(TRAINED + VALIDATION)]
    own: dict[str, Any] = {
        "held_out": HeldOut(paths[TRAINED:], np.arange(VALIDATION, dtype=float)),
        "reference": HeldOut(paths[:TRAINED], np.arange(TRAINED, dtype=float)),
    }
    names = (*own, "text_weight", "score_weight", "chunk_size")
    own |= {name: settings.pop(name) for name in names if name in settings}
    arguments: dict[str, Any] = {
        "per_device_train_batch_size": 4,
        "max_steps": 2,
        "learning_rate": 1e-2,
        # Plain Adam takes steps of the same length along gradients that are nothing but rounding
        "adam_epsilon": 1.0,
        "max_grad_norm": 0.0,
        "lr_scheduler_type": "constant",
        "label_names": [],
        "remove_unused_columns": False,
        "dataloader_drop_last": True,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "use_cpu": True,
        **settings,
    }
    training = TrainingArguments(output_dir=str(output), **arguments)
    set_seed(0)
    config = RaliConfig(
        vision_config=dict(TINY_CLIP), projection_dim=24, pca_dim=8, num_prototypes=11, preprocessing={"size": 32}
    )
    rali = RaliModel(config)
    width, projection = 24, None
    if own_projection:
        width, mean, scale = 20, 0.1 * torch.randn(24), torch.rand(24) + 0.5
        projection = StandardisedProjection(nn.Linear(24, width), mean, scale)
    keys = np.stack([np.arange(TRAINED), np.arange(TRAINED) % 3 + TRAINED], axis=1).ravel()
    texts = Texts(F.normalize(torch.randn(TRAINED + 3, width), dim=-1), keys, np.arange(0, 2 * TRAINED + 1, 2))
    labels = torch.full((TRAINED,), torch.nan)
    labels[labelled] = torch.randn(TRAINED)[labelled]
    rows = Dataset.from_dict({"image": paths[:TRAINED]})
    return AlignmentTrainer(
        AlignmentModel(rali, projection),
        training,
        AlignmentDataset(rows, texts, labels, rali.image_processor, None, seed=0),
        degraded=np.arange(TRAINED) % 3 == 0,
        degraded_share=0.25,
        **own,
    )


def trained(pictures: Path, output: Path, **settings: Any) -> dict[str, np.ndarray]:
    """All weights after a run, and the losses of its steps and the validation figures at its end."""
    trainer = small_trainer(pictures, output, **settings)
    trainer.train()
    metrics = trainer.evaluate()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    weights = {name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()}
    return {**weights, "losses": np.array(losses), "metrics": np.array([metrics["eval_srcc"], metrics["eval_plcc"]])}


def killed_at(step: int, pictures: Path, output: Path, settings: dict[str, Any]) -> None:
    """A run that is killed after `step`."""
    trainer = small_trainer(pictures, output, **settings)
    trainer.add_callback(Kill(step))
    trainer.train()

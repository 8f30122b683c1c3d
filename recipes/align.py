"""Align a vision tower with quality texts: symmetric InfoNCE, and the scores where they are wanted.

    accelerate launch recipes/align.py --config recipes/configs/align/rali-nano.yaml --texts DIR --output_dir DIR

Reads a texts folder of recipes/describe.py; writes `output_dir`/aligned, a RALI checkpoint whose head is still to be fitted
(recipes/prototypes.py), with `alignment.json`: settings, validation figures by epoch, versions. `output_dir`/text_bank.parquet
has a text of each training picture, for `rali score --explain --text-bank`. Run it again to go on after an interruption. The
flags of transformers' TrainingArguments are flags here too.
"""

from dataclasses import dataclass, field
from typing import Any

from transformers import TrainingArguments

REFERENCE_PICTURES = 1500  # whose embeddings validation fits a line to, where the alignment trains none


@dataclass
class AlignArguments:
    """Which tower, which texts, and how they are weighed; see `modeling_rali.alignment` for what the settings mean."""

    texts: str = field(metadata={"help": "Folder of recipes/describe.py."})
    model: str = field(
        default="efficientnet-lite0",
        metadata={"help": "Tower: efficientnet-lite0, a RALI checkpoint, or a CLIP or SigLIP model, folder or Hub id."},
    )
    text_encoder: str = field(
        default="all-MiniLM-L6-v2", metadata={"help": "Frozen text tower: sentence-transformers, CLIP or SigLIP."}
    )
    image_size: int = field(default=384, metadata={"help": "Pictures are seen at about this², for efficientnet-lite0."})
    crop_size: int | None = field(default=None, metadata={"help": "Side of a random crop; null for whole pictures."})
    text_weight: float = field(default=1.0, metadata={"help": "Weight of the contrast with texts; 0 for scores alone."})
    score_weight: float = field(default=0.0, metadata={"help": "Weight of the error of the score; 0 for texts alone."})
    texts_per_image: int | None = field(default=None, metadata={"help": "Use the first so many texts of each picture."})
    degraded_share: float = field(default=0.0, metadata={"help": "Share of degraded pictures in a batch, from 0 to 1."})
    chunk_size: int | None = field(default=None, metadata={"help": "Pictures in one pass; null for the whole batch."})
    head_learning_rate: float = field(
        default=1e-2, metadata={"help": "Of projection and read-out, relative to the size of their weights."}
    )
    cache_dir: str | None = field(
        default=None, metadata={"help": "For embeddings that several runs share; output_dir unless told."}
    )
    lora: dict[str, Any] | None = field(
        default=None, metadata={"help": "r, lora_alpha, target_modules, …: PEFT's LoraConfig."}
    )


@dataclass
class AlignTrainingArguments(TrainingArguments):
    """transformers' arguments, with defaults for an alignment: one evaluation and checkpoint an epoch, the best one kept."""

    per_device_train_batch_size: int = 64
    num_train_epochs: float = 5
    learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warmup_steps: float = 0.1
    lr_scheduler_type: str = "cosine"
    max_grad_norm: float = (
        0.0  # none: the projection of a warm start has far longer gradients than the tower, and Adam evens them
    )
    eval_strategy: str = "epoch"
    save_strategy: str = "epoch"
    save_total_limit: int | None = 2
    load_best_model_at_end: bool = True
    metric_for_best_model: str | None = "srcc"
    greater_is_better: bool | None = True
    dataloader_drop_last: bool = True
    dataloader_num_workers: int = 1
    remove_unused_columns: bool = False
    label_names: list[str] | None = field(default_factory=list)
    logging_steps: float = 10
    report_to: None | str | list[str] = "none"  # noqa: RUF036 - the parser takes this order alone
    seed: int = 0


def main() -> None:
    """Read the texts, embed them, train, save."""
    from trl import TrlParser

    arguments, training = TrlParser((AlignArguments, AlignTrainingArguments)).parse_args_and_config()

    import time
    from importlib.metadata import version
    from pathlib import Path

    import numpy as np
    import torch
    from rich.console import Console
    from transformers import set_seed

    from modeling_rali.alignment.data import AlignmentDataset
    from modeling_rali.alignment.lora import add_lora, merge_lora
    from modeling_rali.alignment.run_folder import RunFolder
    from modeling_rali.alignment.starting import starting_model, starting_tower
    from modeling_rali.alignment.text_embedding import TextEmbedder
    from modeling_rali.alignment.tower import training_form
    from modeling_rali.alignment.trainer import AlignmentTrainer, HeldOut
    from modeling_rali.alignment.training_texts import embed_texts_of, labels_of
    from modeling_rali.inference import TextBank
    from modeling_rali.reasoning.texts import read_facts, read_texts
    from modeling_rali.run_settings import run_settings
    from modeling_rali.trainer_checkpoints import last_checkpoint

    facts = read_facts(Path(arguments.texts))
    settings = run_settings(arguments, training, left_out=["cache_dir"], texts=facts["fingerprint"])
    with training.main_process_first():
        run = RunFolder(Path(training.output_dir), settings)
    if run.result.exists():
        Console().print(f"{run.result} is there already.")
        return

    set_seed(training.seed)
    rows = read_texts(Path(arguments.texts))
    side = np.array(rows["split"])
    train, validation = (rows.select(np.flatnonzero(side == name)) for name in ("train", "validation"))
    degraded = np.array([name is not None for name in train["degradation"]])
    labels = labels_of(train, degraded)
    cache = Path(arguments.cache_dir or run.folder)
    with training.main_process_first():
        embedder = TextEmbedder(arguments.text_encoder, str(training.device))
        texts = embed_texts_of(train, embedder, cache / "texts.safetensors", arguments.texts_per_image)
        tower = starting_tower(arguments.model, arguments.image_size)
        reference = torch.from_numpy(~degraded)
        model = starting_model(tower, train, texts, labels, reference, cache / "features.safetensors")
    if arguments.lora:
        add_lora(tower, **arguments.lora)

    scored = ~np.isnan(np.array(validation["quality"], dtype=np.float64))  # which holds None where there is none
    whole = [row for row in validation.select(np.flatnonzero(scored)) if row["degradation"] is None]
    known = np.flatnonzero(~degraded & ~labels.isnan().numpy())[:REFERENCE_PICTURES]
    trainer = AlignmentTrainer(
        model,
        training,
        AlignmentDataset(train, texts, labels, tower.image_processor, arguments.crop_size, training.seed),
        degraded=degraded,
        degraded_share=arguments.degraded_share,
        held_out=HeldOut([row["image"] for row in whole], np.array([row["quality"] for row in whole])),
        reference=HeldOut(train.select(known)["image"], labels.numpy()[known].astype(np.float64)),
        text_weight=arguments.text_weight,
        score_weight=arguments.score_weight,
        chunk_size=arguments.chunk_size,
        head_learning_rate=arguments.head_learning_rate,
    )
    started = time.monotonic()
    with training_form(tower.vision_model):
        trainer.train(resume_from_checkpoint=last_checkpoint(run.folder))
    if not trainer.is_world_process_zero():
        return
    said = dict(zip((row[0] for row in train["texts"]), texts.keys[texts.first[:-1]].tolist(), strict=True))
    TextBank(list(said), texts.embeds[list(said.values())]).save(run.folder / "text_bank.parquet")
    aligned = model.finished()
    if arguments.lora:
        merge_lora(aligned)
    history = [entry for entry in trainer.state.log_history if "eval_srcc" in entry]
    best = max(history, key=lambda entry: entry["eval_srcc"])
    run.finish(
        aligned,
        {
            "texts": facts,
            "num_images": int((~degraded).sum()),
            "num_degraded_images": int(degraded.sum()),
            "num_texts_cut": embedder.cut,
            "validation_srcc": best["eval_srcc"],
            "validation_plcc": best["eval_plcc"],
            "history": history,
            "minutes": (time.monotonic() - started) / 60,
            "settings": run.settings,
            "versions": {name: version(name) for name in ("modeling-rali", "torch", "transformers", "accelerate")},
        },
    )
    Console().print(f"{run.result}: validation SRCC {best['eval_srcc']:.4f}, PLCC {best['eval_plcc']:.4f}.")


if __name__ == "__main__":
    main()

"""Fit the prototype head of a RALI model to a benchmark: embeddings → PCA → binned k-means → fine-tuning.

    python recipes/prototypes.py --config recipes/configs/prototypes/rali-nano.yaml \\
        --data_dir DIR --scenes scenes.csv --output_dir DIR

Writes the checkpoint with its card and `training.json` to `output_dir`/checkpoint, and the history of the fine-tuning
beside it. Embeddings are kept in `output_dir` and used again.
"""

import json
import shutil
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass
class PrototypesArguments:
    """What to fit, to what, and how; see `modeling_rali.prototypes.HeadFit` for the settings of the head."""

    data_dir: str = field(metadata={"help": "Folder of the benchmark, as its owners' archive unpacks."})
    scenes: str = field(metadata={"help": "CSV of recipes/scenes.py: which pictures are for validation."})
    output_dir: str = field(metadata={"help": "Where embeddings and the checkpoint go."})
    dataset: str = field(default="biq2021", metadata={"help": "Name of the benchmark; `rali datasets` lists them."})
    model: str = field(
        default="efficientnet-lite0",
        metadata={"help": "RALI checkpoint, folder or Hub id, whose head is fitted anew; or efficientnet-lite0."},
    )
    pca_dim: int | None = field(default=512, metadata={"help": "Principal axes; null for no PCA."})
    num_bins: int = field(default=240, metadata={"help": "Bins of the score range; 1 for k-means without bins."})
    num_prototypes: int = field(default=250, metadata={"help": "Prototypes in all."})
    temperature: float = field(default=0.07, metadata={"help": "Softmax temperature; 1 for none."})
    fine_tuning: dict[str, Any] = field(default_factory=dict, metadata={"help": "See prototypes.FineTuning."})
    seed: int = field(default=0, metadata={"help": "Of the clustering and the fine-tuning."})
    tower: str | None = field(default=None, metadata={"help": "For the card: what the tower is and where it is from."})
    tower_license: str | None = field(default=None, metadata={"help": "For the card: the licence of the tower."})
    license: str | None = field(default=None, metadata={"help": "For the card: the licence of the checkpoint."})


def main() -> None:
    """Fit and save the model; print how it does on the validation part."""
    from trl import TrlParser

    (arguments,) = TrlParser(PrototypesArguments).parse_args_and_config()
    config = sys.argv[sys.argv.index("--config") + 1] if "--config" in sys.argv else None

    import pandas as pd
    import torch
    from rich.console import Console

    from modeling_rali import RaliModel
    from modeling_rali.conversion.efficientnet_lite import rali_on_efficientnet_lite0
    from modeling_rali.hub import TRAINING_FILE, model_card
    from modeling_rali.iqa_datasets import load_iqa_dataset
    from modeling_rali.metrics import plcc, srcc
    from modeling_rali.prototypes import (
        Embedded,
        FineTuning,
        HeadFit,
        embed_pictures,
        fit_head,
        picture_paths,
    )

    output = Path(arguments.output_dir)
    model = (
        rali_on_efficientnet_lite0()
        if arguments.model == "efficientnet-lite0"
        else RaliModel.from_pretrained(arguments.model).eval()
    )
    dataset = load_iqa_dataset(arguments.dataset, arguments.data_dir, split="train")
    scenes = pd.read_csv(arguments.scenes).set_index("image_id")["split"]
    if set(scenes.index) != set(dataset["image_id"]):
        raise SystemExit(
            f"{arguments.scenes} names {len(scenes)} pictures that are not the {len(dataset)} of {arguments.data_dir}: "
            "run recipes/scenes.py again."
        )
    side = scenes.loc[dataset["image_id"]].to_numpy()
    low, high = model.config.score_range
    scores = low + torch.tensor(dataset["quality"], dtype=torch.float32) * (high - low)
    embeds = embed_pictures(model, picture_paths(dataset), output / "embeddings.safetensors")

    train, validation = (torch.from_numpy(side == name) for name in ("train", "validation"))
    settings = HeadFit(
        pca_dim=arguments.pca_dim,
        num_bins=arguments.num_bins,
        num_prototypes=arguments.num_prototypes,
        temperature=arguments.temperature,
        fine_tuning=FineTuning(**arguments.fine_tuning),
        seed=arguments.seed,
    )
    held_out = Embedded(embeds[0, validation], scores[validation])
    history = fit_head(model, Embedded(embeds[:, train], scores[train]), held_out, settings)

    with torch.inference_mode():
        predicted = model.head(held_out.embeds)[0].numpy()
    facts = {
        "dataset": arguments.dataset,
        "num_images": int(train.sum()),
        "num_validation_images": int(validation.sum()),
        "validation_srcc": srcc(predicted, held_out.scores.numpy()),
        "validation_plcc": plcc(predicted, held_out.scores.numpy()),
        "tower": arguments.tower,
        "tower_license": arguments.tower_license,
        "license": arguments.license,
        "head": asdict(settings),
        "command": f"python recipes/prototypes.py --config {config}" if config else "python recipes/prototypes.py",
        "seed": arguments.seed,
        "versions": {name: version(name) for name in ("modeling-rali", "torch", "transformers", "scikit-learn")},
        "history": history,
    }
    checkpoint = output / "checkpoint"
    partial = output / "checkpoint.partial"
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    (partial / TRAINING_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    model_card(model, output.name, location=str(checkpoint), training=facts).save(partial / "README.md")
    shutil.rmtree(checkpoint, ignore_errors=True)
    partial.rename(checkpoint)
    Console().print(
        f"{checkpoint}: validation SRCC {facts['validation_srcc']:.4f}, PLCC {facts['validation_plcc']:.4f} "
        f"on {facts['num_validation_images']} pictures."
    )


if __name__ == "__main__":
    main()

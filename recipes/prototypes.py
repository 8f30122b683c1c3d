"""Fit the prototype head of a RALI model to labelled pictures: embeddings → compression → binned k-means → fine-tuning.

    python recipes/prototypes.py --config recipes/configs/prototypes/rali-nano.yaml \\
        --model runs/align/aligned --texts runs/texts --output_dir DIR

Pictures, labels and sides are those of a texts folder of recipes/describe.py. Writes the checkpoint with its card and
`training.json` to `output_dir`/checkpoint, unless the one that is there was fitted to the same with the same settings. A
model that was aligned gets its quality terms too. Embeddings are kept in `output_dir` and used again.
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

    texts: str = field(metadata={"help": "Folder of recipes/describe.py."})
    output_dir: str = field(metadata={"help": "Where embeddings and the checkpoint go."})
    model: str = field(
        default="efficientnet-lite0",
        metadata={"help": "Tower: efficientnet-lite0, a RALI checkpoint, or a CLIP or SigLIP model, folder or Hub id."},
    )
    image_size: int = field(default=384, metadata={"help": "Pictures are seen at about this², for efficientnet-lite0."})
    degraded_copies: int = field(
        default=0,
        metadata={"help": "Degraded copies of each picture, to fit the quality terms to; 0 to take their words."},
    )
    severe_share: float = field(
        default=0.0,
        metadata={"help": "Share of the copies degraded at level 4 or 5 that the head is fitted to as well."},
    )
    mirrored: bool = field(default=True, metadata={"help": "Fit to the mirror images too."})
    pca_dim: int | None = field(default=512, metadata={"help": "Principal axes, or directions; null for neither."})
    supervised: bool = field(
        default=False,
        metadata={"help": "Compress to directions that tell the score, by partial least squares, not PCA."},
    )
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
    if arguments.severe_share and not arguments.degraded_copies:
        raise SystemExit(
            "severe_share is of the degraded copies: set degraded_copies to 1 or more, or severe_share to 0."
        )
    config = sys.argv[sys.argv.index("--config") + 1] if "--config" in sys.argv else None

    import numpy as np
    import torch
    from rich.console import Console

    from modeling_rali.alignment.quality_terms import QUALITY_TERMS, fit_quality_terms, fit_quality_terms_to_faults
    from modeling_rali.alignment.run_folder import FACTS_FILE, read_alignment
    from modeling_rali.alignment.starting import starting_tower
    from modeling_rali.alignment.text_embedding import TextEmbedder
    from modeling_rali.hub import TRAINING_FILE, model_card
    from modeling_rali.inference.loading import find_device
    from modeling_rali.metrics import plcc, srcc
    from modeling_rali.prototypes import Embedded, FineTuning, HeadFit, embed_pictures, fit_head
    from modeling_rali.reasoning.degradations import DEGRADATIONS
    from modeling_rali.reasoning.texts import labelled_rows, read_facts, read_texts

    output = Path(arguments.output_dir)
    checkpoint = output / "checkpoint"
    texts = read_facts(Path(arguments.texts))
    start = Path(arguments.model)
    aligned = read_alignment(start) if (start / FACTS_FILE).is_file() else None
    places = {"output_dir", "texts", "model"} if aligned else {"output_dir", "texts"}
    fitted_to = {
        "settings": {name: value for name, value in asdict(arguments).items() if name not in places},
        "texts": texts,
        "alignment": aligned,
    }
    if (checkpoint / TRAINING_FILE).exists():
        before = json.loads((checkpoint / TRAINING_FILE).read_text(encoding="utf-8"))
        if all(before.get(name) == value for name, value in fitted_to.items()):
            Console().print(f"{checkpoint} is there already.")
            return

    model = starting_tower(arguments.model, arguments.image_size).to(find_device())
    rows = labelled_rows(read_texts(Path(arguments.texts)), arguments.degraded_copies)
    low, high = model.config.score_range
    scores = low + torch.tensor(rows["quality"], dtype=torch.float32) * (high - low)
    embeds = embed_pictures(model, rows["image"], output / "embeddings.safetensors", arguments.mirrored)
    model.cpu()  # the rest is small

    degraded = np.array([name is not None for name in rows["degradation"]])
    side = np.array(rows["split"])
    levels = np.array([0 if name is None else int(name.partition(":")[2]) for name in rows["degradation"]])
    usual = torch.from_numpy((side == "train") & ~degraded)
    severe = (levels >= 4) & (np.random.default_rng(arguments.seed).random(len(rows)) < arguments.severe_share)
    train = usual | torch.from_numpy((side == "train") & severe)
    validation = torch.from_numpy((side == "validation") & ~degraded)
    settings = HeadFit(
        pca_dim=arguments.pca_dim,
        supervised=arguments.supervised,
        num_bins=arguments.num_bins,
        num_prototypes=arguments.num_prototypes,
        temperature=arguments.temperature,
        fine_tuning=FineTuning(**arguments.fine_tuning),
        seed=arguments.seed,
    )
    held_out = Embedded(embeds[0, validation], scores[validation])
    history = fit_head(model, Embedded(embeds[:, train], scores[train]), held_out, settings)

    if arguments.degraded_copies:
        kinds = np.array(["" if name is None else name.partition(":")[0] for name in rows["degradation"]])
        drawn = {name: torch.from_numpy((side == "train") & (levels >= 3) & (kinds == name)) for name in DEGRADATIONS}
        faulty = {name: embeds[0, chosen] for name, chosen in drawn.items() if chosen.any()}
        known = [pair for pair in QUALITY_TERMS if faulty.keys() & set(pair.faults)]
        if left_out := [pair.bad for pair in QUALITY_TERMS if pair not in known]:
            Console().print(f"No training picture is so degraded; these terms are left out: {', '.join(left_out)}.")
        fit_quality_terms_to_faults(model, known, embeds[0, usual], faulty)
    elif aligned is not None:
        embedder = TextEmbedder(aligned["settings"]["text_encoder"])
        fit_quality_terms(model, embedder.embed, QUALITY_TERMS, embeds[0, usual])

    with torch.inference_mode():
        predicted = model.head(held_out.embeds)[0].numpy()
    facts = {
        "dataset": ", ".join(sorted(set(rows["dataset"]))),
        "num_images": int(usual.sum()),
        "num_degraded_images": aligned["num_degraded_images"] if aligned else int(((side == "train") & degraded).sum()),
        "num_validation_images": int(validation.sum()),
        "validation_srcc": srcc(predicted, held_out.scores.numpy()),
        "validation_plcc": plcc(predicted, held_out.scores.numpy()),
        "tower": arguments.tower,
        "tower_license": arguments.tower_license,
        "license": arguments.license,
        "teacher": texts["teacher"],
        "minutes": aligned["minutes"] if aligned else None,
        "command": f"python recipes/prototypes.py --config {config}" if config else "python recipes/prototypes.py",
        "seed": arguments.seed,
        "versions": {name: version(name) for name in ("modeling-rali", "torch", "transformers", "scikit-learn")},
        "history": history,
        **fitted_to,
    }
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

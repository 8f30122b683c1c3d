"""What each part of the method is worth: one alignment and one head for each row of the ablation and each seed.

    python recipes/ablation.py --config recipes/configs/ablation/rali-nano.yaml --texts DIR --output_dir DIR \\
        --test biq2021=BIQ2021 agiqa3k=AGIQA-3K

Reads a texts folder of recipes/describe.py. Writes `output_dir`/ablation.json with the figures of every row, seed and set,
settings and versions, and prints the figures as a Markdown table. What is done is not done again: run it once more to go on
after an interruption. Processes with other `--seeds` may share an `output_dir`; a last run with all of them joins the figures.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).parent


@dataclass
class AblationArguments:
    """What is taken apart, and what it is measured on."""

    texts: str = field(metadata={"help": "Folder of recipes/describe.py."})
    output_dir: str = field(metadata={"help": "Where alignments, embeddings and figures go."})
    align: str = field(metadata={"help": "YAML of align.py: the alignment of the whole method."})
    prototypes: str = field(metadata={"help": "YAML of prototypes.py: the head of the whole method."})
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2], metadata={"help": "One run of everything for each."})
    test: list[str] = field(default_factory=list, metadata={"help": "Benchmarks to measure on, each as NAME=DIR."})


def main() -> None:
    """Align, fit, measure, row by row."""
    from trl import TrlParser

    (arguments,) = TrlParser(AblationArguments).parse_args_and_config()

    from importlib.metadata import version

    import numpy as np
    import torch
    import yaml
    from rich.console import Console

    from modeling_rali.alignment.starting import starting_tower
    from modeling_rali.evaluation.ablation import ROWS, Figures, ablation_table, joined
    from modeling_rali.evaluation.sets import read_set
    from modeling_rali.inference.loading import find_device
    from modeling_rali.metrics import plcc, srcc
    from modeling_rali.prototypes import Embedded, FineTuning, HeadFit, embed_pictures, fit_head
    from modeling_rali.reasoning.reasoner_rows import named_paths
    from modeling_rali.reasoning.texts import labelled_rows, read_texts

    output = Path(arguments.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    console = Console()
    rows = labelled_rows(read_texts(Path(arguments.texts)), degraded_copies=0)
    side = np.array(rows["split"])
    paths: dict[str, list[str]] = {
        name: rows.select(np.flatnonzero(side == name))["image"] for name in ("train", "validation")
    }
    quality: dict[str, Any] = {name: np.array(rows["quality"])[side == name] for name in paths}
    for name, folder in named_paths(arguments.test, "--test").items():
        pictures = read_set(name, Path(folder)).pictures
        paths[f"{name} test"] = [path for _, path, _ in pictures]
        quality[f"{name} test"] = np.array([known for _, _, known in pictures])
    settings = yaml.safe_load(Path(arguments.prototypes).read_text(encoding="utf-8"))
    image_size = yaml.safe_load(Path(arguments.align).read_text(encoding="utf-8"))["image_size"]

    def embeddings(options: dict[str, Any] | None, seed: int) -> tuple[Any, dict[str, torch.Tensor]]:
        """The tower of a row, aligned where that is asked for, and its embeddings of all sets."""
        if options is None:
            folder, start = output / "frozen", "efficientnet-lite0"
        else:
            name = "-".join([f"{key}-{value}" for key, value in options.items()] or ["whole"])
            folder = output / f"{name}-seed-{seed}"
            start = str(folder / "aligned")
            cache = output / f"texts-{options.get('texts_per_image', 'all')}"  # one for all runs with the same texts
            given = {**options, "seed": seed, "texts": arguments.texts, "cache_dir": cache}
            flags = [f"--{key}={value}" for key, value in given.items()]
            command = [
                sys.executable,
                RECIPES / "align.py",
                "--config",
                arguments.align,
                *flags,
                "--output_dir",
                folder,
            ]
            subprocess.run([str(part) for part in command], check=True)
        model = starting_tower(start, image_size).to(find_device())
        embedded = {
            name: embed_pictures(model, files, folder / f"{name}.safetensors", mirrored=False)[0]
            for name, files in paths.items()
        }
        return model.cpu(), embedded

    per_seed: list[Figures] = []
    for seed in arguments.seeds:
        written = output / f"seed-{seed}.json"
        figures: Figures = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
        for name, row in ROWS.items():
            if name in figures:
                continue
            model, embedded = embeddings(None if row.align is None else dict(row.align), seed)
            head = {**settings, **row.head}
            low, high = model.config.score_range
            train, validation = (
                Embedded(embedded[part], torch.tensor(low + quality[part] * (high - low), dtype=torch.float32))
                for part in ("train", "validation")
            )
            pca_dim = head["pca_dim"] and min(head["pca_dim"], embedded["train"].shape[1])
            fit = HeadFit(
                pca_dim=pca_dim,
                supervised=head.get("supervised", False),
                num_bins=head["num_bins"],
                num_prototypes=head["num_prototypes"],
                temperature=head["temperature"],
                fine_tuning=FineTuning(**head["fine_tuning"]),
                seed=seed,
            )
            fit_head(model, train, validation, fit)
            figures[name] = {}
            for part in paths:
                if part != "train":
                    with torch.inference_mode():
                        predicted = model.head(embedded[part])[0].numpy()
                    figures[name][part] = {
                        "srcc": srcc(predicted, quality[part]),
                        "plcc": plcc(predicted, quality[part]),
                    }
            write(written, figures)
            console.print(f"seed {seed}, {name}: {figures[name]['validation']['srcc']:.4f}")
        per_seed.append(figures)
    joint = joined(per_seed)
    facts = {
        "seeds": arguments.seeds,
        "align": yaml.safe_load(Path(arguments.align).read_text(encoding="utf-8")),
        "prototypes": settings,
        "versions": {name: version(name) for name in ("modeling-rali", "torch", "transformers", "scikit-learn")},
    }
    write(output / "ablation.json", {"figures": joint, **facts})
    console.print(ablation_table(joint), soft_wrap=True, markup=False, highlight=False)


def write(path: Path, content: Any) -> None:
    """JSON, whole or not at all."""
    from modeling_rali.replacing import replacing

    with replacing(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()

"""How a model's score follows known degradations, and how it takes resizing:

    python recipes/robustness.py --data_dir BIQ2021 --output metrics/robustness.json

Degrades the best pictures of a benchmark's test split in ten ways at five levels, and resizes all of them to 75 %. Writes
a JSON file with the mean score at each level, and prints a table of them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class RobustnessArguments:
    """What is scored, and by which model."""

    data_dir: str = field(metadata={"help": "Folder of the benchmark, as its owners' archive unpacks."})
    output: str = field(metadata={"help": "JSON file to write."})
    dataset: str = field(default="biq2021", metadata={"help": "Name of the benchmark; `rali datasets` lists them."})
    model: str | None = field(default=None, metadata={"help": "Checkpoint; the one of the package unless told."})
    num_best: int = field(default=20, metadata={"help": "Pictures to degrade: so many with the highest MOS."})


def main() -> None:
    """Score, write, print."""
    from trl import TrlParser

    (arguments,) = TrlParser(RobustnessArguments).parse_args_and_config()

    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from modeling_rali.evaluation.robustness import DEGRADATIONS, falls, resizing_shift, scores_by_level
    from modeling_rali.evaluation.sets import read_set
    from modeling_rali.inference.loading import load_model

    model = load_model(arguments.model, fused=True)
    ranked = sorted(read_set(arguments.dataset, Path(arguments.data_dir)).pictures, key=lambda picture: -picture[2])
    best = [path for _, path, _ in ranked[: arguments.num_best]]
    means = {
        name: scores_by_level(model, best, name).mean(axis=1).tolist()
        for name in track(DEGRADATIONS, "Degrading pictures")
    }
    shift = resizing_shift(model, [path for _, path, _ in ranked])
    result = {
        "dataset": arguments.dataset,
        "num_best": len(best),
        "mean_scores": means,
        "num_resized": len(ranked),
        "resizing_shift": shift,
    }
    output = Path(arguments.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")

    table = Table("degradation", "as it is", *(f"level {level}" for level in range(1, 6)), "falls")
    for name, scores in means.items():
        table.add_row(name, *(f"{score:.2f}" for score in scores), "yes" if falls(scores) else "no")
    console = Console()
    console.print(table)
    console.print(f"Resized to 75 %, {len(ranked)} pictures score {shift:.3f} higher or lower on average.")


if __name__ == "__main__":
    main()

"""From a benchmark to an evaluated checkpoint with its card, in one command:

    python recipes/rali.py --config recipes/configs/rali/nano.yaml --data_dir BIQ2021 --output_dir runs/nano \\
        --test biq2021=BIQ2021 agiqa3k=AGIQA-3K

Runs scenes.py, describe.py, align.py, prototypes.py and `rali evaluate`, each in a process of its own, and prints each
command before it runs. What is done is not done again: run it once more to go on after an interruption.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

RECIPES = Path(__file__).parent


@dataclass
class RaliArguments:
    """Where the pictures are, and the settings of each stage."""

    data_dir: str = field(metadata={"help": "Folder of the benchmark to train on, as its owners' archive unpacks."})
    output_dir: str = field(metadata={"help": "Where all stages write; the checkpoint goes to its folder checkpoint."})
    describe: str = field(metadata={"help": "YAML of describe.py."})
    align: str = field(metadata={"help": "YAML of align.py."})
    prototypes: str = field(metadata={"help": "YAML of prototypes.py."})
    dataset: str = field(default="biq2021", metadata={"help": "Name of the benchmark; `rali datasets` lists them."})
    accelerate: str | None = field(
        default=None, metadata={"help": "YAML of `accelerate launch`, to align in several processes."}
    )
    test: list[str] = field(default_factory=list, metadata={"help": "Benchmarks to evaluate on, each as NAME=DIR."})


def main() -> None:
    """Run the stages one after another; stop at the first that fails."""
    from trl import TrlParser

    (arguments,) = TrlParser(RaliArguments).parse_args_and_config()

    from rich.console import Console

    from modeling_rali import RaliModel
    from modeling_rali.hub import TRAINING_FILE, metrics_of_one_model, model_card

    output = Path(arguments.output_dir)
    scenes, texts, aligned = output / "scenes.csv", output / "texts", output / "align"
    metrics = output / "metrics.json"
    python, data = [sys.executable], ["--dataset", arguments.dataset, "--data_dir", arguments.data_dir]
    launch = ["-m", "accelerate.commands.launch", "--config_file", arguments.accelerate] if arguments.accelerate else []
    out = "--output_dir"
    fit = [*python, RECIPES / "prototypes.py", "--config", arguments.prototypes, "--model", aligned / "aligned"]
    stages: list[list[str | Path]] = [
        [*python, RECIPES / "describe.py", "--config", arguments.describe, *data, "--scenes", scenes, out, texts],
        [*python, *launch, RECIPES / "align.py", "--config", arguments.align, "--texts", texts, out, aligned],
        [*fit, "--texts", texts, out, output],
    ]
    if not scenes.exists():
        stages.insert(0, [*python, RECIPES / "scenes.py", *data, "--output", scenes])
    if arguments.test:
        tests = [part for test in arguments.test for part in ("--data", test)]
        evaluate = [*python, "-m", "rali_cli", "evaluate", "--model", output / "checkpoint", *tests]
        stages.append([*evaluate, "--output", metrics, "--resume"])
    console = Console()
    for stage in stages:
        command = [str(part) for part in stage]
        console.print(" ".join(command[1:]), style="bold", soft_wrap=True, markup=False, highlight=False)
        code = subprocess.run(command).returncode
        if code:
            sys.exit(code)

    checkpoint = output / "checkpoint"
    facts = json.loads((checkpoint / TRAINING_FILE).read_text(encoding="utf-8"))
    figures = metrics_of_one_model(metrics) if arguments.test else None
    model = RaliModel.from_pretrained(checkpoint)
    card = model_card(model, output.name, location=str(checkpoint), training=facts, metrics=figures)
    card.save(checkpoint / "README.md")
    console.print(f"{checkpoint}: the checkpoint and its card.")


if __name__ == "__main__":
    main()

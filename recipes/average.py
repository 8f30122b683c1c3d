"""Average towers that were aligned from the same start, in seed, losses or rates different, into one.

    python recipes/average.py --models runs/a/aligned runs/b/aligned --output_dir runs/average

Reads checkpoints of recipes/align.py; writes `output_dir`/aligned, which recipes/prototypes.py takes like one of them.
"""

from dataclasses import dataclass, field


@dataclass
class AverageArguments:
    """What is averaged."""

    models: list[str] = field(metadata={"help": "Checkpoints of align.py, two or more."})
    output_dir: str = field(metadata={"help": "Where the mean goes, to its folder aligned."})


def main() -> None:
    """Read, check, average, save."""
    from trl import TrlParser

    (arguments,) = TrlParser(AverageArguments).parse_args_and_config()

    from pathlib import Path

    from rich.console import Console

    from modeling_rali import RaliModel
    from modeling_rali.alignment.averaging import average, facts_of_average
    from modeling_rali.alignment.run_folder import RunFolder, read_alignment

    parts = {model: read_alignment(Path(model)) for model in arguments.models}
    if len(parts) < 2:
        raise SystemExit(f"{len(parts)} model has nothing to be averaged with: give two or more.")
    facts = facts_of_average(parts)
    run = RunFolder(Path(arguments.output_dir), {"parts": facts["parts"]})
    if run.result.exists():
        Console().print(f"{run.result} is there already.")
        return
    run.finish(average([RaliModel.from_pretrained(model) for model in arguments.models]), facts)
    Console().print(f"{run.result}: the mean of {len(parts)} towers.")


if __name__ == "__main__":
    main()

"""What reinforcement taught a reasoner that reads measured attributes: a table, the numbers and the curves.

    python recipes/learning.py --data biq2021=BIQ2021 --scenes biq2021=runs/scenes.csv --warm_start runs/grpo-srcc \\
        --runs "srcc=runs/grpo-srcc" "score alone=runs/grpo-score" --output_dir docs/learning

Reads the run folders of recipes/grpo.py: the ratings of their last evaluation, and those of the first one (`--eval_on_start
true`) for the model that training began with. The yardstick is a ridge regression on the grades that the model reads.
Writes `learning.md`, `learning.json` and `learning.png` to `output_dir`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class LearningArguments:
    """Which runs are told of."""

    data: list[str] = field(metadata={"help": "NAME=DIR of the benchmark they were trained on."})
    scenes: list[str] = field(metadata={"help": "NAME=CSV of recipes/scenes.py: pictures set aside for validation."})
    runs: list[str] = field(metadata={"help": "NAME=DIR of runs of recipes/grpo.py."})
    warm_start: str = field(metadata={"help": "Run that was evaluated on start, from where all runs began."})
    output_dir: str = field(metadata={"help": "Where the table, the numbers and the curves go."})
    before: str | None = field(default=None, metadata={"help": "Run evaluated on start without a warm start."})


def main() -> None:
    """Read, compare, write."""
    from trl import TrlParser

    (arguments,) = TrlParser(LearningArguments).parse_args_and_config()

    import numpy as np
    from rich.console import Console
    from rich.markdown import Markdown

    from modeling_rali.evaluation.learning import (
        agreement,
        curves,
        draw_curves,
        learning_table,
        ratings_of,
        ridge_on_grades,
    )
    from modeling_rali.reasoning.measured_teacher import Grading
    from modeling_rali.reasoning.measures import measure_pictures, read_grading
    from modeling_rali.reasoning.reasoner_rows import VALIDATION, load_pictures, named_paths, rating_rows
    from modeling_rali.replacing import replacing, write_text

    try:
        data, scenes = named_paths(arguments.data, "--data"), named_paths(arguments.scenes, "--scenes")
        runs = {name: Path(folder) for name, folder in named_paths(arguments.runs, "--runs").items()}
        if len(data) != 1 or scenes.keys() != data.keys():
            raise ValueError("--data and --scenes: give one benchmark, the one the runs were trained on")
        (dataset,) = data
        warm = ratings_of(Path(arguments.warm_start), start=True)
        before = ratings_of(Path(arguments.before), start=True) if arguments.before else None
        ends = {name: ratings_of(folder) for name, folder in runs.items()}
        states = {name: (run / "trainer_state.json").read_text(encoding="utf-8") for name, run in runs.items()}
        grading = read_grading(arguments.warm_start)
        train, aside = load_pictures(data, scenes, validation_images=len(warm))
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from error

    measured, seen = measure_pictures(train[dataset]), measure_pictures(aside[dataset + VALIDATION])
    labels = np.array(rating_rows(train[dataset], dataset)["label"])
    ridge = warm.assign(
        image_id=list(aside[dataset + VALIDATION]["image_id"]),
        label=rating_rows(aside[dataset + VALIDATION], dataset)["label"],
        rating=ridge_on_grades(grading or Grading.fit(measured), measured, labels, seen),
    )
    figures = {"as it comes": agreement(before)} if before is not None else {}
    try:
        figures |= {"warm start": agreement(warm)} | {name: agreement(end, warm) for name, end in ends.items()}
        figures["ridge regression on the grades"] = agreement(ridge, warm)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    learned = {name: curves(json.loads(state)["log_history"], dataset) for name, state in states.items()}

    output = Path(arguments.output_dir)
    table = learning_table(figures)
    result = {"dataset": dataset, "results": figures, "curves": learned}
    write_text(output / "learning.json", json.dumps(result, indent=1) + "\n")
    write_text(output / "learning.md", table + "\n")
    with replacing(output / "learning.png") as file:
        draw_curves(learned).savefig(file, format="png", dpi=110)
    Console().print(Markdown(table))


if __name__ == "__main__":
    main()

"""Write quality texts about the pictures of a benchmark's train split, and about degraded copies of them.

    python recipes/describe.py --config recipes/configs/describe/rali-nano.yaml \\
        --data_dir DIR --scenes scenes.csv --output_dir DIR

The teacher is `measured`, which measures a picture and needs no model, or a model, folder or Hub id: one that sees, or one
that recipes/sft.py or grpo.py trained to read measures. Run it
again to go on after an interruption; with `accelerate launch` the processes share the work.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class DescribeArguments:
    """What to describe, by whom, and how often."""

    data_dir: str = field(metadata={"help": "Folder of the benchmark, as its owners' archive unpacks."})
    scenes: str = field(metadata={"help": "CSV of recipes/scenes.py: scene and side of each picture."})
    output_dir: str = field(metadata={"help": "Where the texts go."})
    dataset: str = field(default="biq2021", metadata={"help": "Name of the benchmark; `rali datasets` lists them."})
    teacher: str = field(default="measured", metadata={"help": "measured, or a model."})
    texts_per_image: int = field(default=4, metadata={"help": "Texts about each picture."})
    degraded_per_image: int = field(default=0, metadata={"help": "Degraded copies of each picture."})
    say_quality: bool = field(default=True, metadata={"help": "Let the measured teacher say the overall quality too."})
    max_new_tokens: int = field(default=512, metadata={"help": "Of a model's completion, where it is cut."})
    batch_size: int = field(default=8, metadata={"help": "Pictures that a model describes together."})
    shard_size: int = field(default=100, metadata={"help": "Pictures in a shard, which is what an interruption costs."})
    workers: int = field(default=1, metadata={"help": "Processes that measure."})
    seed: int = field(default=0, metadata={"help": "Of degradations and texts."})


def main() -> None:
    """Read, measure, describe, write."""
    from trl import TrlParser

    (arguments,) = TrlParser(DescribeArguments).parse_args_and_config()

    from importlib.metadata import version

    import pandas as pd
    from rich.console import Console
    from rich.progress import Progress

    from modeling_rali.iqa_datasets import load_iqa_dataset
    from modeling_rali.prototypes import picture_paths
    from modeling_rali.reasoning.describing import Describing, Map, Picture, dataset_fingerprint, fitted_grading
    from modeling_rali.reasoning.measured_teacher import MeasuredTeacher
    from modeling_rali.reasoning.teachers import Teacher
    from modeling_rali.reasoning.texts import TextsFolder

    output = Path(arguments.output_dir)
    dataset = load_iqa_dataset(arguments.dataset, arguments.data_dir, split="train")
    scenes = pd.read_csv(arguments.scenes, dtype={"group": str}).set_index("image_id")
    if set(scenes.index) != set(dataset["image_id"]):
        raise SystemExit(
            f"{arguments.scenes} names {len(scenes)} pictures that are not the {len(dataset)} of {arguments.data_dir}: "
            "run recipes/scenes.py again."
        )
    columns = (picture_paths(dataset), dataset["image_id"], dataset["mos"], dataset["quality"])
    pictures = [
        Picture(path, name, scenes.at[name, "group"], arguments.dataset, scenes.at[name, "split"], mos, quality)
        for path, name, mos, quality in zip(*columns, strict=True)
    ]
    with ExitStack() as stack:
        parallel: Map = map
        if arguments.workers > 1:
            parallel = stack.enter_context(ProcessPoolExecutor(arguments.workers)).map
        teacher: Teacher
        if arguments.teacher == "measured":
            grading = fitted_grading(pictures, output / "grading.json", parallel)
            teacher, batch_size = MeasuredTeacher(grading, arguments.say_quality), 1
        else:
            from modeling_rali.reasoning.reasoner_teacher import ReasonerTeacher

            teacher, parallel = ReasonerTeacher(arguments.teacher, arguments.max_new_tokens), map
            batch_size = arguments.batch_size
        settings = asdict(arguments)
        for name in ("data_dir", "output_dir", "scenes", "workers", "batch_size", "shard_size"):
            del settings[name]
        facts = {
            "teacher": teacher.name,
            "settings": settings,
            "pictures": dataset_fingerprint(pictures),
            "versions": {name: version(name) for name in ("modeling-rali", "scikit-image", "transformers")},
        }
        folder = TextsFolder(output, facts, -(-len(pictures) // arguments.shard_size))
        describing = Describing(
            teacher, arguments.texts_per_image, arguments.degraded_per_image, arguments.seed, batch_size
        )
        process, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        own = [shard for shard in folder.missing() if shard % processes == process]
        progress = stack.enter_context(Progress(disable=process > 0))
        task = progress.add_task("Describing", total=len(own))
        for _ in describing.shards(pictures, folder, own, parallel):
            progress.advance(task)
    Console().print(f"{output}: {len(pictures)} pictures in {folder.num_shards} shards, by {teacher.name}.")


if __name__ == "__main__":
    main()

"""Teach a reasoner to see several datasets alike (RACT): one reasoner's texts about all of them tune its vision encoder.

    accelerate launch recipes/ract.py --texts DIR DIR …

runs recipes/configs/ract/default.yaml; `--config FILE.yaml` another one, and flags go over it. Before it, recipes/grpo.py
trains a reasoner for each dataset, and recipes/describe.py writes texts about every dataset with one of them as the teacher:
this is the model that is trained, unless `--model` is another vision-language model. What is not below is of TRL's
`SFTConfig`.

Writes checkpoints, the reasoner and `trainer_state.json` to `output_dir`, and to `output_dir`/texts what the reasoner now
says of the pictures of all datasets, for recipes/align.py. Started again, it goes on where it was interrupted, to the same
result; with other settings it refuses, and what is done it leaves alone. Where the vision encoder alone is trained, the saved
weights are compared with those it began with.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modeling_rali.reasoning.recipe_arguments import ModelArguments, parse_with_default

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import SFTConfig

DEFAULT = Path(__file__).parent / "configs" / "ract" / "default.yaml"
DESCRIBING = ("texts_per_image", "max_new_tokens", "shard_size")
"""Arguments that the texts of the trained model depend on, and not what model comes out."""


@dataclass
class RactArguments(ModelArguments):
    """Which model learns what from which texts, and how often it then describes each picture."""

    texts: list[str] = field(
        default_factory=list, metadata={"help": "Folders of recipes/describe.py, one a dataset, all by one reasoner."}
    )
    model: str | None = field(
        default=None, metadata={"help": "Folder or Hub id; null for the reasoner that wrote the texts."}
    )
    learn_ratings: bool = field(default=False, metadata={"help": "Learn the rating after each text as well."})
    train_llm: bool = field(default=False, metadata={"help": "Tune the whole model, not the vision encoder alone."})
    texts_per_image: int = field(default=4, metadata={"help": "Texts about each picture by the trained reasoner."})
    max_new_tokens: int = field(default=512, metadata={"help": "Of such a text's completion, where it is cut."})
    batch_size: int = field(default=8, metadata={"help": "Pictures that it describes together."})
    shard_size: int = field(default=50, metadata={"help": "Pictures in a shard of texts."})


def main() -> None:
    """Read the texts, train, describe."""
    from trl import SFTConfig

    arguments, training = parse_with_default((RactArguments, SFTConfig), DEFAULT)
    if not arguments.texts:
        raise SystemExit("No texts to learn from: pass --texts, a folder of recipes/describe.py for each dataset.")

    from accelerate.utils import release_memory

    from modeling_rali.reasoning.ract import read_one_reasoners_texts

    try:
        texts = read_one_reasoners_texts(arguments.texts)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    train(arguments.model or texts[0]["teacher"], texts, arguments, training)
    release_memory()  # the trained model's, which is loaded again from its folder
    describe(texts, arguments, training)


def train(model: str, texts: "Dataset", arguments: RactArguments, training: "SFTConfig") -> None:
    """Train the model on the texts, or go on with it; save it, and check what changed."""
    from datasets import Image
    from trl import SFTTrainer

    from modeling_rali.reasoning.ract import check_rest_unchanged, reasoning_rows, train_vision_encoder_alone
    from modeling_rali.reasoning.reasoner import load_reasoner
    from modeling_rali.reasoning.reasoner_rows import text_rows, with_pictures
    from modeling_rali.reasoning.texts import read_facts
    from modeling_rali.run_settings import begin_training, run_settings
    from modeling_rali.trainer_checkpoints import last_checkpoint

    checkpoint = training.resume_from_checkpoint or last_checkpoint(training.output_dir)
    try:
        reasoner = load_reasoner(model, arguments.model_options, arguments.processor_options, checkpoint)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"The model {model} cannot be loaded: {error}\nPass --model, where the reasoner that wrote the texts is "
            "somewhere else now."
        ) from error
    if not reasoner.sees:
        raise SystemExit(f"{model} sees no pictures, so it has no eyes to train: pass --model, one that sees.")
    described = [read_facts(Path(folder))["fingerprint"] for folder in arguments.texts]
    settings = run_settings(arguments, training, left_out=[*DESCRIBING, "batch_size"], model=model, texts=described)
    sets = {}
    try:
        if not arguments.train_llm:
            train_vision_encoder_alone(reasoner.model)
        for side in ("train", "validation"):
            part = texts.filter(side.__eq__, input_columns="split").cast_column("image", Image())
            rows, numbers = text_rows(part) if arguments.learn_ratings else reasoning_rows(part, reasoner.processor)
            sets[side] = with_pictures(rows, part, numbers)
        if not len(sets["validation"]) and training.eval_strategy != "no":
            raise ValueError("the texts are of no picture for validation: pass --eval_strategy no")
        to_train = begin_training(training, settings)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if not to_train:
        return

    training.remove_unused_columns = False  # the pictures come with the rows when they are read
    trainer = SFTTrainer(
        model=reasoner.model,
        processing_class=reasoner.processor,
        args=training,
        train_dataset=sets["train"],
        eval_dataset=sets["validation"] if training.eval_strategy != "no" else None,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model()
    with training.main_process_first(desc="comparing the weights"):
        if training.process_index == 0 and not arguments.train_llm:
            check_rest_unchanged(model, training.output_dir, arguments.model_options)
    trainer.save_state()
    if training.push_to_hub:
        trainer.push_to_hub()


def describe(texts: "Dataset", arguments: RactArguments, training: "SFTConfig") -> None:
    """Write what the trained reasoner says of the pictures."""
    from importlib.metadata import version

    from rich.console import Console
    from rich.progress import Progress

    from modeling_rali.reasoning.describing import Describing, dataset_fingerprint
    from modeling_rali.reasoning.ract import described_pictures
    from modeling_rali.reasoning.reasoner_teacher import ReasonerTeacher
    from modeling_rali.reasoning.texts import TextsFolder

    pictures = described_pictures(texts)
    facts = {
        "teacher": training.output_dir,
        "settings": {name: getattr(arguments, name) for name in DESCRIBING} | {"seed": training.seed},
        "pictures": dataset_fingerprint(pictures),
        "versions": {name: version(name) for name in ("modeling-rali", "transformers")},
    }
    with training.main_process_first(desc="beginning the texts"):
        folder = TextsFolder(Path(training.output_dir) / "texts", facts, -(-len(pictures) // arguments.shard_size))
    own = [shard for shard in folder.missing() if shard % training.world_size == training.process_index]
    if not own:
        return
    teacher = ReasonerTeacher(training.output_dir, arguments.max_new_tokens)
    describing = Describing(
        teacher,
        arguments.texts_per_image,
        degraded_per_image=0,
        seed=training.seed,
        batch_size=arguments.batch_size,
    )
    with Progress(disable=training.process_index > 0) as progress:
        task = progress.add_task("Describing", total=len(own))
        for _ in describing.shards(pictures, folder, own):
            progress.advance(task)
    Console().print(f"{folder.folder}: {len(pictures)} pictures in {folder.num_shards} shards, by {teacher.name}.")


if __name__ == "__main__":
    main()

"""Teach a reasoner to answer in form by supervised fine-tuning on texts with ratings, before reinforcement learning.

    accelerate launch recipes/sft.py --texts DIR

runs recipes/configs/sft/default.yaml; `--config FILE.yaml` another one, and flags go over it. The model is any
vision-language model, or any language model, which then reads measured attributes in place of the picture. Each text of a
picture is the reasoning, and the rating beside it the answer; the loss is of the answer's tokens alone. What is not below is
of TRL's `SFTConfig`.

Reads a texts folder of recipes/describe.py; writes checkpoints, then the model or its adapter and `trainer_state.json` to
`output_dir`. Started again, it goes on from the latest whole checkpoint there, to the same result; with other settings it
refuses, and where it was done it does nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_rali.reasoning.recipe_arguments import TunedModelArguments, parse_with_default

DEFAULT = Path(__file__).parent / "configs" / "sft" / "default.yaml"


@dataclass
class TextsArguments(TunedModelArguments):
    """Which model learns from which texts."""

    texts: str | None = field(default=None, metadata={"help": "Folder of recipes/describe.py."})


def main() -> None:
    """Load, train, save."""
    from trl import SFTConfig

    arguments, training = parse_with_default((TextsArguments, SFTConfig), DEFAULT)
    if not arguments.model:
        raise SystemExit("No model to train: pass --model FOLDER or Hub id, such as Qwen/Qwen2.5-VL-3B-Instruct.")
    if not arguments.texts:
        raise SystemExit("No texts to learn from: pass --texts, a folder of recipes/describe.py.")

    from datasets import Image
    from trl import SFTTrainer

    from modeling_rali.reasoning.measured_teacher import Grading
    from modeling_rali.reasoning.measures import measure_pictures, measures_text, read_grading, save_grading
    from modeling_rali.reasoning.reasoner import freeze_vision_tower, load_reasoner, lora_config
    from modeling_rali.reasoning.reasoner_rows import text_rows, with_pictures
    from modeling_rali.reasoning.texts import read_facts, read_texts
    from modeling_rali.run_settings import begin_training, run_settings
    from modeling_rali.trainer_checkpoints import last_checkpoint

    checkpoint = training.resume_from_checkpoint or last_checkpoint(training.output_dir)
    try:
        reasoner = load_reasoner(arguments.model, arguments.model_options, arguments.processor_options, checkpoint)
    except (OSError, ValueError) as error:
        raise SystemExit(f"--model {arguments.model} cannot be loaded: {error}") from error
    sets: dict[str, Any] = {}
    grading = None
    try:
        texts = read_texts(Path(arguments.texts)).cast_column("image", Image())
        parts = {side: texts.filter(side.__eq__, input_columns="split") for side in ("train", "validation")}
        if not reasoner.sees:
            whole = parts["train"].filter(lambda name: name is None, input_columns="degradation")
            grading = read_grading(arguments.model) or Grading.fit(measure_pictures(whole))
        for side, part in parts.items():
            measures = [measures_text(one, grading) for one in measure_pictures(part)] if grading else None
            rows, numbers = text_rows(part, measures)
            sets[side] = with_pictures(rows, part, numbers) if reasoner.sees else rows
        if not len(sets["validation"]) and training.eval_strategy != "no":
            raise ValueError(f"{arguments.texts} holds no pictures for validation: pass --eval_strategy no.")
        described = read_facts(Path(arguments.texts))["fingerprint"]
        to_train = begin_training(training, run_settings(arguments, training, texts=described))
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if not to_train:
        return

    freeze_vision = arguments.freeze_vision and reasoner.sees
    if freeze_vision:
        freeze_vision_tower(reasoner.model)
    training.remove_unused_columns = False  # the pictures come with the rows when they are read
    trainer = SFTTrainer(
        model=reasoner.model,
        processing_class=reasoner.processor,
        args=training,
        train_dataset=sets["train"],
        eval_dataset=sets["validation"] if training.eval_strategy != "no" else None,
        peft_config=lora_config(reasoner.model, arguments.lora, freeze_vision) if arguments.lora else None,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model()
    if grading and trainer.is_world_process_zero():
        save_grading(grading, training.output_dir)
    trainer.save_state()
    if training.push_to_hub:
        trainer.push_to_hub()


if __name__ == "__main__":
    main()

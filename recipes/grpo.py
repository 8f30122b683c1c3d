"""Train a reasoner by reinforcement learning (GRPO) to rate pictures, thinking aloud.

    accelerate launch recipes/grpo.py --data koniq10k=DIR --scenes koniq10k=scenes.csv

runs recipes/configs/grpo/default.yaml; `--config FILE.yaml` another one, and flags go over it. The model is any
vision-language model, or any language model, which then reads measured attributes in place of the picture. What is not
below is of TRL's `GRPOConfig`: generation with vLLM, gradient accumulation, checkpoints, push_to_hub.

Writes checkpoints, then the model or its adapter and `trainer_state.json`, whose log has every figure, to `output_dir`, and
each evaluation's mean ratings to `validation-STEP.csv` there.
Started again, it goes on from the latest whole checkpoint there, to the same result; after the first epoch TRL draws the
pictures of what is left in another order than it would have. With other settings it refuses, and where it was done it does
nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling_rali.reasoning.recipe_arguments import TunedModelArguments, parse_with_default

DEFAULT = Path(__file__).parent / "configs" / "grpo" / "default.yaml"


@dataclass
class ReasonerArguments(TunedModelArguments):
    """Which model learns from which pictures by which rewards."""

    data: list[str] = field(
        default_factory=list, metadata={"help": "NAME=DIR of benchmarks to train on; `rali datasets` lists the names."}
    )
    scenes: list[str] = field(
        default_factory=list, metadata={"help": "NAME=CSV of recipes/scenes.py: pictures set aside for validation."}
    )
    degraded_share: float = field(
        default=0.0,
        metadata={"help": "Share of the pictures that come degraded as well, for the reward `degradation`."},
    )
    validation_images: int = field(default=128, metadata={"help": "Of each benchmark, at most, in an evaluation."})
    rewards: list[str] = field(
        default_factory=lambda: ["format", "srcc"],
        metadata={"help": "Of modeling_rali.reasoning.grpo_rewards; their weights are reward_weights."},
    )
    score_threshold: float = field(default=0.35, metadata={"help": "What the reward `score` counts as a hit, on 1–5."})
    bank_size: int = field(default=0, metadata={"help": "Earlier images that the reward `srcc` ranks against as well."})


def main() -> None:
    """Load, check, train, save."""
    from trl import GRPOConfig

    arguments, training = parse_with_default((ReasonerArguments, GRPOConfig), DEFAULT)
    if not arguments.model:
        raise SystemExit("No model to train: pass --model FOLDER or Hub id, such as Qwen/Qwen2.5-VL-3B-Instruct.")
    if not arguments.data:
        raise SystemExit("No pictures to train on: pass --data NAME=DIR; `rali datasets` lists the names.")

    from trl import GRPOTrainer

    from modeling_rali.reasoning import grpo_rewards
    from modeling_rali.reasoning.measured_teacher import Grading
    from modeling_rali.reasoning.measures import measure_pictures, read_grading, save_grading
    from modeling_rali.reasoning.rating_bank import RatingBank
    from modeling_rali.reasoning.rating_watch import RatingWatch, ValidationCallback
    from modeling_rali.reasoning.reasoner import freeze_vision_tower, load_reasoner, lora_config
    from modeling_rali.reasoning.reasoner_rows import (
        load_pictures,
        measured_rows,
        named_paths,
        rows_fingerprint,
        seen_rows,
    )
    from modeling_rali.run_settings import begin_training, run_settings
    from modeling_rali.trainer_checkpoints import last_checkpoint

    bank = RatingBank(arguments.bank_size) if arguments.bank_size else None
    rewards: dict[str, Any] = {
        "format": grpo_rewards.format,
        "score": grpo_rewards.bound(grpo_rewards.score, threshold=arguments.score_threshold),
        "smooth_score": grpo_rewards.smooth_score,
        "srcc": grpo_rewards.bound(grpo_rewards.srcc, bank=bank),
        "fidelity": grpo_rewards.fidelity,
        "degradation": grpo_rewards.degradation,
    }
    if unknown := set(arguments.rewards) - set(rewards):
        raise SystemExit(f"There is no reward {', '.join(sorted(unknown))}; there are {', '.join(rewards)}.")
    if not arguments.rewards:
        raise SystemExit(f"Nothing is rewarded: pass --rewards, some of {', '.join(rewards)}.")
    if len(training.reward_weights or arguments.rewards) != len(arguments.rewards):
        raise SystemExit(
            f"--reward_weights: {len(training.reward_weights)} weights for the {len(arguments.rewards)} rewards "
            f"{', '.join(arguments.rewards)}; give one each."
        )
    try:
        data, scenes = named_paths(arguments.data, "--data"), named_paths(arguments.scenes, "--scenes")
    except ValueError as error:
        raise SystemExit(str(error)) from error
    checkpoint = training.resume_from_checkpoint or last_checkpoint(training.output_dir)
    try:
        reasoner = load_reasoner(arguments.model, arguments.model_options, arguments.processor_options, checkpoint)
    except (OSError, ValueError) as error:
        raise SystemExit(f"--model {arguments.model} cannot be loaded: {error}") from error
    if arguments.degraded_share and not reasoner.sees:
        raise SystemExit(f"{arguments.model} reads measures, which know no degradations: set degraded_share to 0.")
    grading = None
    try:
        with training.main_process_first(desc="reading the pictures"):
            pictures, aside = load_pictures(data, scenes, arguments.validation_images)
            if reasoner.sees:
                train = seen_rows(pictures, arguments.degraded_share, training.seed)
                validation = seen_rows(aside) if aside else None
            else:
                grading = read_grading(arguments.model) or Grading.fit(
                    [measured for own in pictures.values() for measured in measure_pictures(own)]
                )
                train = measured_rows(pictures, grading)
                validation = measured_rows(aside, grading) if aside else None
        grpo_rewards.check_rows(
            train,
            images_per_batch=training.generation_batch_size // training.num_generations,
            ranking=any(reward.__name__ in arguments.rewards for reward in grpo_rewards.RANK_REWARDS),
        )
        if validation:
            grpo_rewards.check_rows(validation, images_per_batch=1, ranking=False)
        elif training.eval_strategy != "no":
            raise ValueError(
                "Evaluation needs pictures that are not trained on: pass --scenes NAME=CSV of recipes/scenes.py, or "
                "--eval_strategy no."
            )
        aside_read = rows_fingerprint(validation) if validation else None
        settings = run_settings(arguments, training, data=rows_fingerprint(train), scenes=aside_read)
        to_train = begin_training(training, settings)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if not to_train:
        return

    functions = [rewards[name] for name in arguments.rewards]
    functions[0] = watch = RatingWatch(functions[0], validation=list(aside))
    freeze_vision = arguments.freeze_vision and reasoner.sees
    if freeze_vision:
        freeze_vision_tower(reasoner.model)
    trainer = GRPOTrainer(
        model=reasoner.model,
        processing_class=reasoner.processor,
        reward_funcs=functions,
        args=training,
        train_dataset=train,
        eval_dataset=validation,
        peft_config=lora_config(reasoner.model, arguments.lora, freeze_vision) if arguments.lora else None,
        callbacks=[bank] if bank else None,
    )
    trainer.add_callback(ValidationCallback(trainer, watch))
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model()
    if grading and trainer.is_world_process_zero():
        save_grading(grading, training.output_dir)
    trainer.save_state()
    if training.push_to_hub:
        trainer.push_to_hub()


if __name__ == "__main__":
    main()

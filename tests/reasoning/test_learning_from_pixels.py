"""A tiny vision-language model learns from pixels alone, by GRPO, whether a picture is bright or dark."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from trl import GRPOConfig, GRPOTrainer

from modeling_rali.reasoning import grpo_rewards
from modeling_rali.reasoning.parsing import parse_rating
from modeling_rali.reasoning.reasoner import Reasoner, load_reasoner, vision_tower

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")
QUESTION = "Bright or dark?"
BRIGHT, DARK = 5.0, 1.0
FIRST = "embeddings.patch_embedding.weight"


def crops(count: int, seed: int) -> tuple[list[Image.Image], list[float]]:
    """Crops of the sample photographs, brightened and darkened by turns, and the ratings that say so."""
    rng = np.random.default_rng(seed)
    pictures = []
    for index in range(count):
        with Image.open(SAMPLES / f"{PHOTOGRAPHS[index // 2 % len(PHOTOGRAPHS)]}.jpg") as photograph:
            left, top = (int(rng.integers(side - 64)) for side in photograph.size)
            crop = np.asarray(photograph.crop((left, top, left + 64, top + 64)).convert("RGB"), dtype=np.float64)
        pictures.append(Image.fromarray((0.4 * crop + 153 * (index % 2)).astype(np.uint8)))
    return pictures, [(DARK, BRIGHT)[index % 2] for index in range(count)]


def answers(reasoner: Reasoner, pictures: list[Image.Image]) -> list[float | None]:
    """The likeliest rating of each picture."""
    content = [{"type": "image"}, {"type": "text", "text": QUESTION}]
    text = reasoner.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = reasoner.processor(images=pictures, text=[text] * len(pictures), return_tensors="pt")
    ids = reasoner.model.generate(**inputs, max_new_tokens=7, do_sample=False)[:, inputs["input_ids"].shape[1] :]
    return [parse_rating(written).rating for written in reasoner.processor.batch_decode(ids, skip_special_tokens=True)]


def test_reward_rises_beyond_what_can_be_earned_blindly_and_the_tower_learns(
    tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    reasoner = load_reasoner(str(tiny_reasoner("answering_llava")))
    tower = reasoner.model.get_submodule(vision_tower(reasoner.model))
    begun = tower.get_parameter(FIRST).clone()
    pictures, labels = crops(64, seed=0)
    unseen, truth = crops(32, seed=1)
    assert len(set(answers(reasoner, unseen))) == 1  # what it says does not depend on the picture yet

    prompt = [{"role": "user", "content": QUESTION}]
    trainer = GRPOTrainer(
        model=reasoner.model,
        processing_class=reasoner.processor,
        reward_funcs=grpo_rewards.smooth_score,
        train_dataset=Dataset.from_dict({"prompt": [prompt] * 64, "image": pictures, "label": labels}),
        args=GRPOConfig(
            output_dir=str(tmp_path), use_cpu=True, bf16=False, gradient_checkpointing=False, max_steps=28,
            learning_rate=1e-3, lr_scheduler_type="constant", per_device_train_batch_size=64, num_generations=8,
            max_completion_length=7, logging_steps=1, report_to="none", save_strategy="no", disable_tqdm=True, seed=0,
        ),
    )  # fmt: skip
    trainer.train()

    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    # Half of the pictures are bright: who rates all alike, whatever the rating, earns a half on average
    assert np.mean(rewards[:4]) < 0.5
    assert np.mean(rewards[-4:]) > 0.8
    right = [answer == label for answer, label in zip(answers(reasoner, unseen), truth, strict=True)]
    assert np.mean(right) > 0.85
    # The weights that the pixels meet first
    assert not torch.equal(tower.get_parameter(FIRST), begun)

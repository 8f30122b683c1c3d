"""Train a language model to edit pictures, with RALI as GRPO's reward: python docs/examples/train_an_editor.py

The model reads what is wrong with a picture and writes the settings of an edit: a first number for the exposure, in stops, and
a second for the sharpening. It is a tiny one with random weights, so that this takes under a minute on one core; the reward is
the same for a model that can write anything.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset
from PIL import Image, ImageEnhance, ImageFilter
from rich.console import Console
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig, GRPOTrainer

from modeling_rali.inference import load_model
from modeling_rali.reward import CompletionReward

SAMPLES = Path(__file__).parents[2] / "samples"
PICTURES = {"dark": "coffee-dark.jpg", "blurred": "astronaut-blurred.jpg"}
SETTINGS = re.compile(r"\+([0-3]) \+([0-3])")
WORDS = ("[PAD]", "[END]", *PICTURES, "+0", "+1", "+2", "+3")


def edited(picture: Image.Image, settings: str) -> Image.Image | None:
    """The picture with these settings, or None where they cannot be read."""
    numbers = SETTINGS.fullmatch(settings)
    if numbers is None:
        return None
    stops, sharpening = map(int, numbers.groups())
    lit = ImageEnhance.Brightness(picture).enhance(2**stops)
    soft = lit.filter(ImageFilter.GaussianBlur(3))
    return Image.blend(soft, lit, 1 + sharpening)


def draw(prompts: list[str], completions: list[str], **columns: Any) -> list[Image.Image | None]:
    """The picture of each prompt, edited as the completion says."""
    return [
        edited(Image.open(SAMPLES / PICTURES[prompt]).convert("RGB"), completion)
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def readable(completions: list[str], **columns: Any) -> list[float]:
    """1 for settings, otherwise 0: what makes no picture has no score, and would otherwise cost nothing."""
    return [float(SETTINGS.fullmatch(completion) is not None) for completion in completions]


def tiny_writer() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A language model with random weights that knows `WORDS`."""
    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", eos_token="[END]")
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    return LlamaForCausalLM(config), tokenizer


def main() -> None:
    """Train, then print for each picture what the model writes, and its score without and with that edit."""
    set_seed(0)
    model, tokenizer = tiny_writer()
    quality = CompletionReward(load_model(fused=True), draw)
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=[readable, quality],
            train_dataset=Dataset.from_dict({"prompt": list(PICTURES) * 100}),
            args=GRPOConfig(
                output_dir=folder, use_cpu=True, bf16=False, gradient_checkpointing=False, max_steps=15,
                learning_rate=2e-2, lr_scheduler_type="constant", per_device_train_batch_size=32, num_generations=16,
                max_completion_length=2, logging_steps=1, report_to="none", save_strategy="no",
            ),
        )  # fmt: skip
        trainer.train()
    for prompt in PICTURES:
        ids = model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=2, do_sample=False)
        written = tokenizer.decode(ids[0, 1:])
        before, after = quality([prompt] * 2, ["+0 +0", written])
        Console().print(f"{prompt}: {written}, score {before:.2f} → {after:.2f}")


if __name__ == "__main__":
    main()

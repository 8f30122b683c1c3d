"""Tiny random reasoners of the real architectures, saved to a folder as their owners' checkpoints are.

Their tokenizer knows bytes and the special tokens of the family; their chat template writes the roles and, where they see
pictures, the family's image token. Their image processors make a few tokens of a picture.
"""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from modeling_rali.reasoning.image_only_processors import Qwen2_5_VLProcessor, Qwen3VLProcessor

TEXT = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}
TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def save_llama(folder: Path) -> None:
    """The family of SmolLM2: text alone."""
    tokenizer = _tokenizer(image="")
    _save(LlamaForCausalLM, LlamaConfig(**TEXT, **_ids(tokenizer)), folder)
    tokenizer.save_pretrained(folder)


def save_qwen2_5_vl(folder: Path) -> None:
    """Pictures of 56 × 56 to 84 × 84 pixels, a token for each 28 × 28."""
    tokenizer = _tokenizer("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>")
    config = Qwen2_5_VLConfig(
        text_config=TEXT | _ids(tokenizer) | {"rope_parameters": _mrope([2, 1, 1])},
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
            "window_size": 56, "fullatt_block_indexes": [1],
        },
        **_vision_ids(tokenizer),
    )  # fmt: skip
    _save(Qwen2_5_VLForConditionalGeneration, config, folder)
    images = Qwen2VLImageProcessorPil(size={"shortest_edge": 56 * 56, "longest_edge": 84 * 84})
    Qwen2_5_VLProcessor(images, tokenizer, chat_template=tokenizer.chat_template).save_pretrained(folder)


def save_qwen3_vl(folder: Path) -> None:
    """Pictures of 64 × 64 to 96 × 96 pixels, a token for each 32 × 32."""
    tokenizer = _tokenizer("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>")
    config = Qwen3VLConfig(
        text_config=TEXT | _ids(tokenizer) | {"head_dim": 8, "rope_parameters": _mrope([2, 1, 1])},
        vision_config={
            "depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16,
            "deepstack_visual_indexes": [0], "num_position_embeddings": 64,
        },
        **_vision_ids(tokenizer),
    )  # fmt: skip
    _save(Qwen3VLForConditionalGeneration, config, folder)
    images = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, size={"shortest_edge": 64 * 64, "longest_edge": 96 * 96}
    )
    Qwen3VLProcessor(images, tokenizer, chat_template=tokenizer.chat_template).save_pretrained(folder)


def save_idefics3(folder: Path) -> None:
    """The family of SmolVLM: pictures of up to 64 pixels, 4 tokens, unless they are split into tiles."""
    tokenizer = _tokenizer("", "<image>", "", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    config = Idefics3Config(
        text_config={"model_type": "llama", **TEXT, **_ids(tokenizer)},
        vision_config={
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    _save(Idefics3ForConditionalGeneration, config, folder)
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 64}, do_image_splitting=False
    )
    Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=tokenizer.chat_template).save_pretrained(folder)


def save_llava(folder: Path) -> None:
    """Pictures of 32 × 32 pixels, 16 tokens."""
    tokenizer = _tokenizer("", "<image>", "")
    _save(LlavaForConditionalGeneration, _llava_config(tokenizer, TEXT), folder)
    _llava_processor(tokenizer).save_pretrained(folder)


def save_answering_llava(folder: Path) -> None:
    """One that rates at random, but in form: 1 to 5 alike, and now and then "?", whatever the picture.

    Its language model is a table of which token follows which: one-hot embeddings, layers that add nothing, and the table
    as the output layer, which training can change.
    """
    tokenizer = _tokenizer("", "<image>", "")
    tokenizer.add_tokens(["<think>", "</think>", "<answer>", "</answer>"])
    size = len(tokenizer) + len(tokenizer) % 2
    torch.manual_seed(0)
    config = _llava_config(tokenizer, TEXT | {"hidden_size": size, "vocab_size": size})
    model = LlavaForConditionalGeneration(config)
    follows = {
        "Ċ": ["<think>"], "<think>": ["a"], "a": ["</think>"], "</think>": ["<answer>"], "<answer>": [*"12345?"],
        **{mark: ["</answer>"] for mark in "12345?"}, "</answer>": ["<|end|>"],
    }  # fmt: skip
    with torch.no_grad():
        for layer in model.model.language_model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.get_input_embeddings().weight.copy_(torch.eye(size))
        table = model.get_output_embeddings().weight.zero_()
        for token, successors in follows.items():
            # The last norm makes the one-hot vector √size long
            table[tokenizer.convert_tokens_to_ids(successors), tokenizer.convert_tokens_to_ids(token)] = 20 / size**0.5
    model.save_pretrained(folder)
    _llava_processor(tokenizer).save_pretrained(folder)


def _llava_config(tokenizer: PreTrainedTokenizerFast, text: dict[str, Any]) -> LlavaConfig:
    return LlavaConfig(
        text_config={"model_type": "llama", "tie_word_embeddings": False, **_ids(tokenizer), **text},
        vision_config={
            "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "projection_dim": 16,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=False,
    )  # fmt: skip


def _llava_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    return LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=tokenizer.chat_template,
    )


def _tokenizer(before: str = "", image: str = "", after: str = "", *special: str) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    marks = [mark for mark in (before, image, after, *special) if mark]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|start|>", *marks],
    )
    tokenizer.chat_template = TEMPLATE.replace("IMAGE", f"{before}{image}{after}")
    return tokenizer


def _ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }


def _vision_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    names = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in names.items()}


def _mrope(section: list[int]) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": section}


def _save(architecture: type[PreTrainedModel], config: Any, folder: Path) -> None:
    torch.manual_seed(0)
    architecture(config).save_pretrained(folder)

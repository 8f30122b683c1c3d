"""Whole contrastive models with random weights, small, as folders that any of their classes load."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = {**SIZES, "image_size": 32, "patch_size": 8}
CHARACTERS = "abcdefghijklmnopqrstuvwxyz .,;:'-"
END = len(CHARACTERS) + 1
TEXT = {
    **SIZES,
    "vocab_size": END + 1,
    "max_position_embeddings": 40,
    "bos_token_id": 0,
    "eos_token_id": END,
    "pad_token_id": END,
}


def save_clip(folder: Path) -> Path:
    """A CLIP; the projection's width differs from the one in its vision_config's defaults."""
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=24)).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    _save_tokenizer(folder)
    return folder


def save_siglip(folder: Path) -> Path:
    """A SigLIP."""
    torch.manual_seed(0)
    SiglipModel(SiglipConfig(vision_config=VISION, text_config=TEXT)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    _save_tokenizer(folder)
    return folder


def _save_tokenizer(folder: Path) -> None:
    """One token a letter, and one for all else; texts end with a token of their own."""
    vocabulary = {"?": 0, **{character: index for index, character in enumerate(CHARACTERS, 1)}, "</s>": END}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", END)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>", unk_token="?", model_max_length=40
    ).save_pretrained(folder)

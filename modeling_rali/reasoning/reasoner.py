"""Loading a reasoner to train: a vision-language model, or a language model that reads measured attributes instead."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from peft import LoraConfig, PeftConfig, PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProcessorMixin,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.utils import find_adapter_config_file, is_torchvision_available

from .image_only_processors import IMAGE_ONLY


class Reasoner(NamedTuple):
    """A model, what makes its inputs, and whether it sees pictures."""

    model: PreTrainedModel
    processor: ProcessorMixin | PreTrainedTokenizerBase
    sees: bool


def load_reasoner(
    name: str,
    model_options: dict[str, Any] | None = None,
    processor_options: dict[str, Any] | None = None,
    checkpoint: str | None = None,
) -> Reasoner:
    """Load any `AutoModelForImageTextToText`, or where the model has no eyes any `AutoModelForCausalLM`.

    Args:
        name: folder or Hub id, of a model or of an adapter, which is merged into the model it was trained on.
        model_options: of `from_pretrained`, such as dtype and attn_implementation.
        processor_options: of the processor's `from_pretrained`, such as `size`, which caps what a picture costs.
        checkpoint: of the trainer, from which training goes on; None to begin.

    Raises:
        OSError: there is no such model.
        ValueError: it has no chat template, or is of a kind that transformers does not know.
    """
    base, adapters = _base_and_adapters(name)
    config = AutoConfig.from_pretrained(base)
    sees = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    if not sees:
        processor: ProcessorMixin | PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name)
    elif config.model_type in IMAGE_ONLY and not is_torchvision_available():
        processor = IMAGE_ONLY[config.model_type].from_pretrained(name, **processor_options or {})
    else:
        processor = AutoProcessor.from_pretrained(name, **processor_options or {})
    if not processor.chat_template:
        raise ValueError(f"{name} has no chat template to ask in: take a model that was instructed to answer")
    architecture = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    # The trainer reads weights under the names that modules have now, and writes those of vision-language models under the
    # names they had when they came out: it would go on from the weights training began with (transformers issue 43701).
    # An adapter has one set of names, and what shards the weights keeps its own files.
    tuned = checkpoint is not None and any(Path(checkpoint).glob("model*.safetensors"))
    model = architecture.from_pretrained(checkpoint if tuned else base, **model_options or {})
    for adapter in () if tuned else adapters:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    # Not the checkpoint, nor what is below an adapter: from the one TRL loads the reference of the KL term, and the other is
    # what an adapter on this model notes as its base
    model.config._name_or_path = model.name_or_path = name
    return Reasoner(model, processor, sees)


def _base_and_adapters(name: str) -> tuple[str, list[str]]:
    """The model below an adapter, and the adapters on it from the lowest to `name`; none where `name` is a model."""
    adapters: list[str] = []
    while find_adapter_config_file(name):
        adapters.insert(0, name)
        name = PeftConfig.from_pretrained(name).base_model_name_or_path
    return name, adapters


def vision_tower(model: PreTrainedModel) -> str:
    """Name of the model's vision tower among its modules.

    Raises:
        ValueError: it has none.
    """
    tower = model.get_encoder(modality="image")
    if tower is model:
        raise ValueError(f"{type(model).__name__} has no vision tower to freeze: set freeze_vision to false")
    return next(name for name, module in model.named_modules() if module is tower)


def freeze_vision_tower(model: PreTrainedModel) -> None:
    """Leave the vision tower as it is in training.

    Raises:
        ValueError: as `vision_tower`.
    """
    model.get_submodule(vision_tower(model)).requires_grad_(False)


def lora_config(model: PreTrainedModel, options: dict[str, Any], freeze_vision: bool) -> LoraConfig:
    """Low-rank adapters for causal language modelling, none of them in the vision tower where that is frozen.

    Args:
        model: whose modules they adapt.
        options: of peft's `LoraConfig`: r, lora_alpha, target_modules and so on.
        freeze_vision: as the recipe has it.

    Raises:
        ValueError: as `vision_tower`.
    """
    # "all-linear" would adapt the tower as well, frozen or not: peft sets requires_grad itself
    left_out = {"exclude_modules": rf"{re.escape(vision_tower(model))}\..*"} if freeze_vision else {}
    return LoraConfig(task_type="CAUSAL_LM", **left_out | options)

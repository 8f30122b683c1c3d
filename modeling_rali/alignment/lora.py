"""Low-rank adapters in a tower while it is aligned, with PEFT."""

from typing import Any

from peft import LoraConfig, get_peft_model

from ..modeling_rali import RaliModel


def add_lora(model: RaliModel, **settings: Any) -> None:
    """Freeze the tower and put adapters into it, in place.

    Args:
        model: a RALI model.
        settings: of PEFT's `LoraConfig`: `r`, `lora_alpha`, `target_modules`, …

    Raises:
        TypeError: for a setting that `LoraConfig` does not have.
        ValueError: if the tower has none of the target modules.
    """
    model.vision_model = get_peft_model(model.vision_model, LoraConfig(**settings))


def merge_lora(model: RaliModel) -> None:
    """Add the adapters to the weights and take them out, in place: the tower is a plain one again.

    Raises:
        ValueError: if an adapter has become something that is not finite.
    """
    model.vision_model = model.vision_model.merge_and_unload(safe_merge=True)

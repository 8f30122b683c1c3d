"""What the recipes that train a reasoner have in common on the command line."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trl import TrlParser


@dataclass
class ModelArguments:
    """Which model, and how it is loaded."""

    model: str | None = field(default=None, metadata={"help": "Folder or Hub id."})
    model_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Of from_pretrained: dtype, attn_implementation, …"}
    )
    processor_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Of the processor's from_pretrained, such as size, which caps pixels."}
    )


@dataclass
class TunedModelArguments(ModelArguments):
    """Which model, and what of it is tuned."""

    lora: dict[str, Any] | None = field(default=None, metadata={"help": "Of peft's LoraConfig; null to tune all."})
    freeze_vision: bool = field(default=True, metadata={"help": "Leave the vision tower as it is."})


def parse_with_default(kinds: tuple[type, ...], default: Path) -> tuple[Any, ...]:
    """The command line, read into dataclasses; the settings of the YAML file `default` unless `--config` names another."""
    given = sys.argv[1:]
    if "--config" not in given:
        given = ["--config", str(default), *given]
    return TrlParser(kinds).parse_args_and_config(given)

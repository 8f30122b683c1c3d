"""What a run was begun with, kept in its folder, so that it is not gone on with as another one."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from .replacing import write_text
from .trainer_checkpoints import is_finished, last_checkpoint

if TYPE_CHECKING:
    from transformers import TrainingArguments

SETTINGS_FILE = "settings.json"

_NOT_SETTINGS = frozenset(
    {
        "output_dir",
        "run_name",
        "resume_from_checkpoint",
        "disable_tqdm",
        "local_rank",
        "report_to",
        "project",
        "push_to_hub",
        "save_total_limit",
        "dataloader_num_workers",
    }
)
"""Arguments of transformers' and TRL's trainers that say where and how a run goes, and not what comes out."""

_NOT_SETTINGS_PREFIXES = ("hub_", "log_", "logging_", "trackio_", "vllm_server_")
"""What the names of others of that kind begin with."""


def run_settings(
    arguments: Any, training: "TrainingArguments", *, left_out: Iterable[str] = (), **others: Any
) -> dict[str, Any]:
    """What the result of a recipe depends on, as JSON can hold it. A model is told by its name alone.

    Args:
        arguments: a recipe's own, a dataclass.
        training: the trainer's.
        left_out: names of arguments that the result does not depend on.
        others: settings that neither has, or in place of theirs, such as a fingerprint for a path.
    """
    settings = asdict(arguments) | training.to_dict() | {"num_processes": training.world_size} | others
    return json.loads(json.dumps(_kept(settings, left_out), default=str))


def _kept(settings: dict[str, Any], left_out: Iterable[str] = ()) -> dict[str, Any]:
    dropped = {*_NOT_SETTINGS, *left_out}
    return {
        name: value
        for name, value in settings.items()
        if name not in dropped and not name.startswith(_NOT_SETTINGS_PREFIXES)
    }


def differing_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ or that only one of them has."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))


def begin_training(training: "TrainingArguments", settings: dict[str, Any]) -> bool:
    """Hold a trainer's output folder to its settings, on all processes; whether there is anything left to train.

    Where there is not, says so. Where there is nothing to go on with, other settings replace those in the folder.

    Args:
        training: the trainer's, which name the folder.
        settings: of `run_settings`.

    Raises:
        ValueError: as `hold_to_settings`.
    """
    folder = Path(training.output_dir)
    done = is_finished(folder)
    begun = done or bool(training.resume_from_checkpoint or last_checkpoint(folder))
    with training.main_process_first(desc="beginning the run"):
        hold_to_settings(folder, settings, begun=begun)
    if done and training.process_index == 0:
        push = ", and not pushed: use `hf upload` for that" if training.push_to_hub else ""
        Console().print(f"{folder} is trained already{push}.", highlight=False)
    return not done


def hold_to_settings(folder: Path, settings: dict[str, Any], *, begun: bool = True) -> None:
    """Begin a run in a folder, or find that it is the one that was begun there.

    Args:
        folder: made where it is not there.
        settings: of `run_settings`.
        begun: whether there is something to go on with; without, other settings replace those that are there.

    Raises:
        ValueError: if the folder holds a run with other settings; the message names those that differ.
    """
    written = folder / SETTINGS_FILE
    if begun and written.exists():
        before = _kept(json.loads(written.read_text(encoding="utf-8")))
        if differing := differing_settings(before, settings):
            raise ValueError(
                f"{folder}: holds a run with other settings ({', '.join(differing)}): give another output_dir, or "
                "delete this one."
            )
        return
    write_text(written, json.dumps(settings, indent=2) + "\n")

"""A model for use: from a folder or the Hub, on a device, in a type."""

import os
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoModel

from .. import DEFAULT_CHECKPOINT
from ..modeling_rali import RaliModel
from .fusion import drop_open_gates, fuse_batch_norms


class ModelLoadError(ValueError):
    """A checkpoint that cannot be loaded; the message, one line, says which and why."""


def load_model(
    checkpoint: str | os.PathLike[str] | None = None, *, device: str = "auto", dtype: str = "auto", fused: bool = False
) -> RaliModel:
    """Load a RALI checkpoint, ready to score.

    Args:
        checkpoint: a folder, or the name of a model on the Hub; `None` for the one that ships with the package.
        device: see `find_device`.
        dtype: "float32", "bfloat16" or "float16"; "auto" for that of the checkpoint. The head stays in float32.
        fused: leave out open gates and fold batch normalisation into the convolutions of a float32 tower: faster, for
            scoring alone.

    Raises:
        ModelLoadError: if there is no such checkpoint, or it is damaged or not a RALI model.
        ValueError: for a device that is not there.
    """
    place = find_device(device)
    name = DEFAULT_CHECKPOINT if checkpoint is None else os.fspath(checkpoint)
    if Path(name).is_file():
        raise ModelLoadError(f"{name}: a checkpoint is a folder with config.json and model.safetensors, not a file.")
    if not Path(name).is_dir() and (Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1):
        raise ModelLoadError(f"{name}: no such folder.")
    try:
        model = AutoModel.from_pretrained(name, dtype=dtype)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())
        raise ModelLoadError(reason if name in reason else f"{name}: {reason}") from error
    if not isinstance(model, RaliModel):
        raise ModelLoadError(f"{name}: not a RALI model, but {type(model).__name__}.")
    model.eval()
    if fused and model.dtype == torch.float32:
        drop_open_gates(model.vision_model)
        fuse_batch_norms(model.vision_model)
    torch.nn.Module.to(model, place)
    return model


def find_device(name: str = "auto") -> torch.device:
    """The device called `name`, such as "cpu", "cuda", "cuda:1" or "mps"; "auto" for an accelerator where there is one.

    Where a launcher started several processes on this machine, "auto" deals them its accelerators in turn.

    Raises:
        ValueError: if this machine has no such device; the message lists those it has.
    """
    there = ["cpu"]
    if torch.accelerator.is_available() and (accelerator := torch.accelerator.current_accelerator()):
        there += [f"{accelerator.type}:{index}" for index in range(torch.accelerator.device_count())]
    if name == "auto":
        accelerators = there[1:] or there
        name = accelerators[int(os.environ.get("LOCAL_RANK", 0)) % len(accelerators)]
    if name not in there and f"{name}:0" not in there:
        raise ValueError(f'no device "{name}" here; there is: {", ".join(there)}.')
    return torch.device(name)

"""Reading the files of the authors' released checkpoint. None of them is trusted: nothing is unpickled or executed."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPImageProcessorPil

from ..image_processing_rali import RaliImageProcessor
from .unpickling import DAMAGES, FittedPca, read_pca


@dataclass(frozen=True)
class Tensors:
    """The tensors of one file, by name; those of floating point are float32 and finite."""

    path: Path
    by_name: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Released:
    """The released checkpoint, as read.

    Args:
        checkpoint: tensors of `ckpt.pt`: "clip.…" and "scorer.…".
        clip: tensors of the CLIP model in `best/`.
        basis: "vectors" and "scores" of `basis.npz`.
        pca: what `pca.pkl` says.
        vision_config: configuration of the vision tower of the CLIP model in `best/`.
        projection_dim: width D of that model's image embedding.
        preprocessing: arguments of `RaliImageProcessor` that do what the CLIP processor of `best/` does.
    """

    checkpoint: Tensors
    clip: Tensors
    basis: Tensors
    pca: FittedPca
    vision_config: dict[str, Any]
    projection_dim: int
    preprocessing: dict[str, Any]


def read_released(folder: Path) -> Released:
    """Read the released checkpoint: `ckpt.pt`, `pca.pkl`, `basis.npz` and the CLIP folder `best/`.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file cannot be read, is not what it should be, or asks for code to run.
    """
    clip_folder = folder / "best"
    weights = clip_folder / "model.safetensors"
    if not weights.is_file():
        weights = clip_folder / "pytorch_model.bin"
    checkpoint, pca, basis = folder / "ckpt.pt", folder / "pca.pkl", folder / "basis.npz"
    config, preprocessor = clip_folder / "config.json", clip_folder / "preprocessor_config.json"
    missing = [
        str(path.relative_to(folder))
        for path in (checkpoint, pca, basis, config, preprocessor, weights)
        if not path.is_file()
    ]
    if missing:
        hint = " (or best/model.safetensors)" if "best/pytorch_model.bin" in missing else ""
        raise FileNotFoundError(f"{folder}: the released checkpoint lacks {', '.join(missing)}{hint}.")
    clip_config = _read_config(config)
    vision_config = clip_config["vision_config"]
    return Released(
        checkpoint=_read_checkpoint(checkpoint),
        clip=_read_clip(weights),
        basis=_read_basis(basis),
        pca=read_pca(pca),
        vision_config=vision_config,
        projection_dim=clip_config["projection_dim"],
        preprocessing=_read_preprocessing(preprocessor, vision_config["image_size"]),
    )


def checked(path: Path, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The tensors of a file in float32. Raises ValueError for one that is not finite."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{path}: the tensor {name} has values that are not finite: the file is damaged.")
    return Tensors(path, {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})


def _torch_load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *DAMAGES, RuntimeError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{path}: is damaged or holds more than tensors; nothing else is read ({reason}).") from error


def _read_state_dict(path: Path, state_dict: Any) -> Tensors:
    if not isinstance(state_dict, dict) or not all(isinstance(value, torch.Tensor) for value in state_dict.values()):
        raise ValueError(f"{path}: is no dict of tensors by name.")
    return checked(path, state_dict)


def _read_checkpoint(path: Path) -> Tensors:
    content = _torch_load(path)
    if not isinstance(content, dict) or "state_dict" not in content:
        raise ValueError(f'{path}: has no "state_dict".')
    return _read_state_dict(path, content["state_dict"])


def _read_clip(path: Path) -> Tensors:
    if path.suffix == ".bin":
        return _read_state_dict(path, _torch_load(path))
    try:
        return checked(path, load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path}: is damaged ({error}).") from error


def _read_basis(path: Path) -> Tensors:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            tensors = {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in ("vectors", "scores")}
    except (*DAMAGES, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: is not an npz file with the arrays of numbers vectors and scores: {error}."
        ) from error
    return checked(path, tensors)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is not a JSON object.")
    return content


def _read_config(path: Path) -> dict[str, Any]:
    content = _read_json(path)
    if content.get("model_type") != "clip":
        raise ValueError(f'{path}: model_type is {content.get("model_type")!r}, not "clip".')
    try:
        config = CLIPConfig.from_dict(content).to_dict()  # with CLIP's defaults for what the file leaves out
    except StrictDataclassError as error:
        raise ValueError(f"{path}: {error}.") from error
    config["vision_config"]["dtype"] = None  # the type they were saved in; here all is float32
    return config


def _read_preprocessing(path: Path, image_size: int) -> dict[str, Any]:
    content = _read_json(path)
    try:
        arguments = clip_preprocessing(content)
        RaliImageProcessor(**arguments)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if arguments["size"] != image_size:
        raise ValueError(f"{path}: size is {arguments['size']}, but config.json beside it has image_size {image_size}.")
    return arguments


def clip_preprocessing(content: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `RaliImageProcessor`. Raises ValueError for a setting of CLIP's that it cannot reproduce exactly."""
    kind = content.get("image_processor_type") or content.get("feature_extractor_type") or "CLIPImageProcessor"
    if not str(kind).startswith("CLIP"):
        raise ValueError(f"the image processor is a {kind}, not CLIP's.")
    # With CLIP's defaults for what the file leaves out, and sizes in one spelling
    found = CLIPImageProcessorPil(**content).to_dict()
    size = found["size"].get("shortest_edge")
    needed = {
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": Image.Resampling.BICUBIC,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
    }
    unlike = [f"{name} is {found[name]}, not {value}" for name, value in needed.items() if found[name] != value]
    if found.get("do_pad"):
        unlike.append("do_pad is true")
    if unlike:
        raise ValueError(f"these settings cannot be reproduced exactly: {'; '.join(unlike)}.")
    return {
        "resize": "short_edge",
        "size": size,
        "image_mean": list(found["image_mean"]),
        "image_std": list(found["image_std"]),
    }

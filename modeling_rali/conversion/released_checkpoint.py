"""The authors' released checkpoint → a RALI checkpoint."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..configuration_rali import RaliConfig
from ..modeling_rali import RaliModel
from .released_files import Released, Tensors, checked, read_released

_RELEASED_TEMPERATURE = 0.07
_SCORER_TENSORS = tuple(
    f"scorer.{name}" for name in ("pca_scale", "pca_components", "prototypes", "proto_scores", "logit_scale")
)
_TEXT_TOWER = ("text_model.", "text_projection.", "logit_scale")


@dataclass(frozen=True)
class Conversion:
    """What a conversion found, and what it left out.

    Args:
        score_range: lowest and highest score.
        temperature: softmax temperature τ.
        learnt_temperature: whether `ckpt.pt` had τ; if not it is the released code's 0.07.
        num_prototypes: number of prototypes K.
        pca_kind: "PCA" or "IncrementalPCA".
        embed_dim: width D of the image embedding.
        pca_dim: width P of the compressed embedding.
        parameters: number of parameters of the converted model.
        dropped_parameters: number of parameters of the text tower, which scoring does not use; 0 if there was none.
    """

    score_range: tuple[float, float]
    temperature: float
    learnt_temperature: bool
    num_prototypes: int
    pca_kind: str
    embed_dim: int
    pca_dim: int
    parameters: int
    dropped_parameters: int


def convert_checkpoint(source: Path, destination: Path, score_range: tuple[float, float] = (1.0, 5.0)) -> Conversion:
    """Convert the authors' released checkpoint.

    Args:
        source: folder with `ckpt.pt`, `pca.pkl`, `basis.npz` and the CLIP folder `best/`. Nothing in it is executed.
        destination: folder to be made, with a whole RALI checkpoint. It appears complete or not at all.
        score_range: the scale of the prototype scores; the released ones are on 1–5.

    Raises:
        FileNotFoundError: if a file of the released checkpoint is missing.
        FileExistsError: if the destination exists.
        ValueError: if a file is damaged, asks for code to run, or holds a tensor or setting that does not fit; the message
            names the file and the tensor or setting.
    """
    if destination.exists():
        raise FileExistsError(f"{destination}: exists; give a folder that does not, or remove it.")
    released = read_released(source)
    head, learnt_temperature = _head_tensors(released)
    config = RaliConfig(
        vision_config=released.vision_config,
        projection_dim=released.projection_dim,
        pca_dim=len(head["components"]),
        num_prototypes=len(head["prototypes"]),
        temperature=head["temperature"].item(),
        score_range=(float(score_range[0]), float(score_range[1])),
        preprocessing=released.preprocessing,
    )
    lowest, highest = head["prototype_scores"].min().item(), head["prototype_scores"].max().item()
    if not score_range[0] <= lowest <= highest <= score_range[1]:
        raise ValueError(
            f"{source}: the prototype scores run from {lowest:.4g} to {highest:.4g}, outside the score range "
            f"{score_range[0]:g} to {score_range[1]:g}: name their scale with --score-range LOW HIGH."
        )
    model = RaliModel(config)
    expected = {name: tensor.shape for name, tensor in model.state_dict().items() if not name.startswith("head.")}
    tower, dropped_parameters = _tower_tensors(released, expected)
    model.load_state_dict({**tower, **{f"head.{name}": tensor for name, tensor in head.items()}})
    _save_whole(model, destination)
    return Conversion(
        score_range=score_range,
        temperature=config.temperature,
        learnt_temperature=learnt_temperature,
        num_prototypes=config.num_prototypes,
        pca_kind=released.pca.kind,
        embed_dim=config.embed_dim,
        pca_dim=config.pca_dim,
        parameters=model.num_parameters(),
        dropped_parameters=dropped_parameters,
    )


def _head_tensors(released: Released) -> tuple[dict[str, torch.Tensor], bool]:
    """The head's tensors by their names in `RaliHead`, and whether the temperature was among the released ones.

    They are those of `ckpt.pt`, and of `pca.pkl` and `basis.npz` where it has none.
    """
    checkpoint, basis, pca = released.checkpoint, released.basis, _pca_tensors(released)
    for name in checkpoint.by_name:
        if not name.startswith("clip.") and name not in _SCORER_TENSORS:
            raise ValueError(f"{checkpoint.path}: the tensor {name} is no part of the released model.")

    def either(name: str, elsewhere: Tensors, name_there: str) -> tuple[Tensors, str]:
        return (checkpoint, name) if name in checkpoint.by_name else (elsewhere, name_there)

    embed_dim = released.projection_dim
    components = _shaped(*either("scorer.pca_components", pca, "components_"), None, embed_dim)
    prototypes = _shaped(*either("scorer.prototypes", basis, "vectors"), None, len(components))
    scale = _shaped(*either("scorer.pca_scale", pca, "scale"), embed_dim)
    if not scale.abs().min() > 0:
        raise ValueError(f"{checkpoint.path}: scorer.pca_scale has zeros, by which embeddings cannot be divided.")
    learnt_temperature = "scorer.logit_scale" in checkpoint.by_name
    logit_scale = checkpoint.by_name.get("scorer.logit_scale", torch.tensor(1 / _RELEASED_TEMPERATURE))
    if logit_scale.numel() != 1 or not logit_scale.item() > 0:
        raise ValueError(f"{checkpoint.path}: scorer.logit_scale is {logit_scale.tolist()}, not one number above 0.")
    tensors = {
        "mean": _shaped(pca, "mean_", embed_dim),
        "scale": scale,
        "components": components,
        "prototypes": prototypes,
        "prototype_scores": _shaped(*either("scorer.proto_scores", basis, "scores"), len(prototypes)),
        "temperature": 1 / logit_scale.reshape(()),
    }
    return tensors, learnt_temperature


def _shaped(file: Tensors, name: str, *shape: int | None) -> torch.Tensor:
    """A tensor of a file. Raises ValueError unless it has this shape, where `None` is any number but 0."""
    tensor = file.by_name[name]
    fits = tensor.ndim == len(shape) and all(
        n == side or (side is None and n > 0) for n, side in zip(tensor.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"{file.path}: the tensor {name} is {tuple(tensor.shape)}, but it must be ({wanted}).")
    return tensor


def _pca_tensors(released: Released) -> Tensors:
    """The mean, components and scale of `pca.pkl`; scale = √var_, and 1 where that is below 1e-10 or var_ is missing."""
    pca = released.pca
    var = np.ones_like(pca.mean) if pca.var is None else pca.var
    if not (var >= 0).all():
        raise ValueError(f"{pca.path}: var_ has values that are negative or not finite.")
    deviation = np.sqrt(var)
    arrays = {"mean_": pca.mean, "components_": pca.components, "scale": np.where(deviation < 1e-10, 1.0, deviation)}
    return checked(pca.path, {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()})


def _tower_tensors(released: Released, expected: dict[str, torch.Size]) -> tuple[dict[str, torch.Tensor], int]:
    """The vision tower's tensors by their names in `RaliModel`, and the number of parameters of the text tower.

    They are those of `ckpt.pt`, and of `best/` where it has none. Raises ValueError unless names and shapes are `expected`.
    """
    tower, text_sizes = {}, {}
    for file, prefix in ((released.clip, ""), (released.checkpoint, "clip.")):
        for full_name, tensor in file.by_name.items():
            name = full_name.removeprefix(prefix).replace("visual_projection.", "projection.")
            if not full_name.startswith(prefix) or name.endswith(".position_ids"):
                continue  # the head's; and an enumeration that earlier transformers saved with the weights
            if name.startswith(_TEXT_TOWER):
                text_sizes[name] = tensor.numel()
                continue
            if name not in expected:
                raise ValueError(
                    f"{file.path}: the tensor {full_name} is no part of the CLIP model in best/config.json."
                )
            if tensor.shape != expected[name]:
                raise ValueError(
                    f"{file.path}: the tensor {full_name} is {tuple(tensor.shape)}, but by best/config.json it must be "
                    f"{tuple(expected[name])}."
                )
            tower[name] = tensor
    missing = [name for name in expected if name not in tower]
    if missing:
        raise ValueError(
            f"{released.clip.path} lacks {len(missing)} tensors that ckpt.pt lacks too: {', '.join(missing[:3])} …"
        )
    return tower, sum(text_sizes.values())


def _save_whole(model: RaliModel, destination: Path) -> None:
    """Save a checkpoint so that the folder appears complete or not at all."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}-", dir=destination.parent) as partial:
        folder = Path(partial) / destination.name
        model.save_pretrained(folder)
        folder.replace(destination)

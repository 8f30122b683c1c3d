"""Vision towers of others → RALI models with a head still to be fitted."""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoConfig, CLIPVisionModelWithProjection, PretrainedConfig, SiglipVisionModel
from transformers.image_processing_base import ImageProcessingMixin

from ..configuration_rali import RaliConfig
from ..modeling_rali import RaliModel
from .released_files import clip_preprocessing


def rali_on_vision_tower(name: str) -> RaliModel:
    """A RALI model on the vision tower of a CLIP or SigLIP model, or a RALI checkpoint as it is; in evaluation mode.

    CLIP's image embedding is its pooled output through its projection, SigLIP's its pooled output. Checkpoints of SigLIP 2
    at a fixed resolution are SigLIP models too.

    Args:
        name: folder or Hub id, of the whole model or of its vision tower.

    Raises:
        OSError: if there is no such model.
        ValueError: for another kind of model, one that lacks tensors, or preprocessing that `RaliImageProcessor` cannot do;
            the message names it.
    """
    config = AutoConfig.from_pretrained(name)
    if config.model_type == "rali":
        return RaliModel.from_pretrained(name, dtype=torch.float32).eval()
    vision_config = getattr(config, "vision_config", config)
    if config.model_type in ("clip", "clip_vision_model"):
        vision_config.projection_dim = (
            config.projection_dim
        )  # the one inside a whole CLIP's vision_config need not be it
        return _on_clip(name, vision_config)
    if config.model_type in ("siglip", "siglip_vision_model"):
        return _on_siglip(name, vision_config)
    raise ValueError(
        f'{name}: a model of type "{config.model_type}": give a RALI checkpoint, or a CLIP or SigLIP model.'
    )


def _on_clip(name: str, config: PretrainedConfig) -> RaliModel:
    source = _loaded(CLIPVisionModelWithProjection, name, config)
    preprocessing = clip_preprocessing(_image_processor(name))
    model = _model(config, preprocessing, pooling="projection", projection_dim=config.projection_dim)
    assert model.projection is not None  # as projection_dim is set
    model.vision_model, model.projection = source.vision_model, source.visual_projection
    return model.eval()


def _on_siglip(name: str, config: PretrainedConfig) -> RaliModel:
    tower = _loaded(SiglipVisionModel, name, config)
    model = _model(config, _siglip_preprocessing(name, _image_processor(name)), pooling="pooler", projection_dim=None)
    model.vision_model = tower
    return model.eval()


def _model(config: PretrainedConfig, preprocessing: Mapping[str, Any], **settings: Any) -> RaliModel:
    """A RALI model on such a tower, its weights still random; fewer principal axes where the embedding is narrow."""
    width = settings["projection_dim"] or config.hidden_size
    pca_dim = min(RaliConfig().pca_dim, width)
    return RaliModel(RaliConfig(vision_config=config, preprocessing=dict(preprocessing), pca_dim=pca_dim, **settings))


def _loaded(kind: Any, name: str, config: PretrainedConfig) -> Any:
    """A tower in float32. Raises ValueError where some of its tensors are not among the saved ones."""
    tower, info = kind.from_pretrained(name, config=config, dtype=torch.float32, output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(f"{name}: {len(missing)} tensors of the vision tower are missing, the first {missing[0]}.")
    return tower


def _image_processor(name: str) -> dict[str, Any]:
    """The settings of the image processor that was saved with a model."""
    settings, _ = ImageProcessingMixin.get_image_processor_dict(name)
    return settings


def _siglip_preprocessing(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `RaliImageProcessor`: the whole picture to a square. SigLIP 2 was trained on bilinear resampling, and
    gets bicubic here."""
    size = settings["size"]
    if size.get("height") is None or size.get("height") != size.get("width"):
        raise ValueError(f"{name}: its image processor's size is {size}, which is not a square of so many pixels.")
    return {
        "resize": "stretch",
        "size": size["height"],
        "image_mean": list(settings["image_mean"]),
        "image_std": list(settings["image_std"]),
    }

"""RALI: no-reference image quality for the Hugging Face ecosystem.

Importing this package registers its classes with transformers' `AutoConfig`, `AutoModel` and `AutoImageProcessor`, and
the pipeline task "image-quality".
"""

from pathlib import Path

from transformers import AutoConfig, AutoImageProcessor, AutoModel
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_rali import RaliConfig
from .image_processing_rali import RaliImageProcessor, UnreadableImageError
from .modeling_rali import RaliModel, RaliOutput
from .pipeline_rali import ImageQualityPipeline

__version__ = "0.1.0"

DEFAULT_CHECKPOINT = str(Path(__file__).parent / "checkpoints" / "rali-nano")
"""Folder of the checkpoint that ships with the package, and that is used where no model is named."""

AutoConfig.register("rali", RaliConfig, exist_ok=True)
AutoModel.register(RaliConfig, RaliModel, exist_ok=True)
AutoImageProcessor.register(RaliConfig, slow_image_processor_class=RaliImageProcessor, exist_ok=True)
if "image-quality" not in PIPELINE_REGISTRY.get_supported_tasks():
    PIPELINE_REGISTRY.register_pipeline(
        "image-quality",
        pipeline_class=ImageQualityPipeline,
        pt_model=AutoModel,
        default={"model": (DEFAULT_CHECKPOINT, "main")},
        type="image",
    )
# Every saved checkpoint carries the code that loads it where the package is not installed
RaliConfig.register_for_auto_class()
RaliModel.register_for_auto_class("AutoModel")
RaliImageProcessor.register_for_auto_class("AutoImageProcessor")

__all__ = [
    "DEFAULT_CHECKPOINT",
    "ImageQualityPipeline",
    "RaliConfig",
    "RaliImageProcessor",
    "RaliModel",
    "RaliOutput",
    "UnreadableImageError",
]

"""Processors of the Qwen vision-language families that read pictures and no videos.

The processors of these families hold a video processor, and every video processor of transformers needs torchvision,
which this project does without; `AutoProcessor` therefore fails on their folders. These subclasses take no video
processor. They keep the names of their parents, because a saved processor is found again by its class's name. A folder
that one of them saved has no configuration for videos: where torchvision is installed, `AutoProcessor` wants the
`video_preprocessor_config.json` of the model trained from copied into it.
"""

from typing import Any

from transformers import ProcessorMixin
from transformers.models.qwen2_5_vl import processing_qwen2_5_vl
from transformers.models.qwen2_vl import processing_qwen2_vl
from transformers.models.qwen3_vl import processing_qwen3_vl


class Qwen2VLProcessor(processing_qwen2_vl.Qwen2VLProcessor):
    """Qwen2-VL's, without videos."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(image_processor, tokenizer, chat_template=chat_template)


class Qwen2_5_VLProcessor(processing_qwen2_5_vl.Qwen2_5_VLProcessor):
    """Qwen2.5-VL's, without videos."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(image_processor, tokenizer, chat_template=chat_template)


class Qwen3VLProcessor(processing_qwen3_vl.Qwen3VLProcessor):
    """Qwen3-VL's, without videos."""

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(image_processor, tokenizer, chat_template=chat_template)


IMAGE_ONLY: dict[str, type[ProcessorMixin]] = {
    "qwen2_vl": Qwen2VLProcessor,
    "qwen2_5_vl": Qwen2_5_VLProcessor,
    "qwen3_vl": Qwen3VLProcessor,
    "qwen3_vl_moe": Qwen3VLProcessor,
}
"""By `model_type` of the config."""

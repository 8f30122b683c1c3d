"""Configuration of a RALI model."""

from copy import deepcopy
from typing import Any, ClassVar, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PretrainedConfig

# What `transformers.pipeline` looks for in a checkpoint's config to find a pipeline among its remote code. It writes into
# what it finds there: hand out copies.
_REMOTE_PIPELINES = {"image-quality": {"impl": "pipeline_rali.ImageQualityPipeline", "pt": ["AutoModel"]}}
_IS_REMOTE_CODE = __name__.startswith("transformers_modules.")

_CLIP_VIT_L_14_336 = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}


@strict
class RaliConfig(PretrainedConfig):
    """Configuration of a [`RaliModel`]. The defaults are the paper's model: CLIP ViT-L/14 at 336 px.

    Args:
        vision_config: configuration of any transformers vision model, as an object or a dict with `model_type`.
        pooling: how the tower's output becomes one vector a picture. `"projection"`: the pooled output through a linear
            projection without bias, as CLIP does; `"pooler"`: the pooled output as it is; `"stage_statistics"`: mean and
            standard deviation over space of the hidden states at `feature_indices`, through a linear projection with bias
            where `projection_dim` is set.
        feature_indices: which entries of the tower's `hidden_states` are pooled; for `"stage_statistics"` only.
        pooled_dim: width of the pooled vector. Read from `vision_config.hidden_size` where that exists; for
            `"stage_statistics"` it is twice the number of channels of the chosen hidden states, and must be given.
        projection_dim: width of the image embedding after the projection; `None` for no projection.
        text_dim: width of the space of texts, into which a further projection takes the image embedding; `None` where the
            image embedding is in that space itself, or the model was not aligned with texts.
        pca_dim: width of the compressed embedding, at most the width of the image embedding.
        num_prototypes: number of prototypes K.
        temperature: softmax temperature τ of a new head; a trained head has its own among its tensors.
        score_range: lowest and highest score a label of the training set is mapped to; higher is better.
        quality_terms: pairs of a good term and its opposite, such as ["sharp", "blurred"], that the model explains a score
            with; the embeddings of what they mean are among its tensors. `None` for a model that does not explain.
        preprocessing: arguments of [`RaliImageProcessor`]: what pixels the model sees.

    Raises:
        ValueError: for settings that contradict one another; the message names them.
    """

    model_type = "rali"
    sub_configs: ClassVar[dict[str, Any]] = {"vision_config": AutoConfig}

    vision_config: Any = None
    pooling: Literal["projection", "pooler", "stage_statistics"] = "projection"
    feature_indices: list[int] | None = None
    pooled_dim: int | None = None
    projection_dim: int | None = 768
    text_dim: int | None = None
    pca_dim: int = 512
    num_prototypes: int = 250
    temperature: float = 0.07
    score_range: list[float] | tuple[float, float] = (1.0, 5.0)
    quality_terms: list[list[str]] | None = None
    preprocessing: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if self.vision_config is None:
            self.vision_config = dict(_CLIP_VIT_L_14_336)
        if isinstance(self.vision_config, dict):
            if "model_type" not in self.vision_config:
                raise ValueError(
                    'vision_config is a dict without "model_type": add the transformers model type of the tower, '
                    'for example "clip_vision_model".'
                )
            self.vision_config = AutoConfig.for_model(**self.vision_config)
        if self.pooled_dim is None and self.pooling != "stage_statistics":
            self.pooled_dim = self.vision_config.hidden_size
        self.preprocessing = self.preprocessing or {}
        # With the package imported its own pipeline is registered and needs no consent to run remote code.
        kwargs["custom_pipelines"] = deepcopy(_REMOTE_PIPELINES) if _IS_REMOTE_CODE else {}
        super().__post_init__(**kwargs)

    def validate_pooling(self) -> None:
        """Raises ValueError where pooling, feature_indices, pooled_dim and projection_dim do not fit together."""
        statistics = self.pooling == "stage_statistics"
        if statistics and not (self.feature_indices and self.pooled_dim):
            raise ValueError('pooling "stage_statistics" needs feature_indices and pooled_dim (2 × their channels).')
        if not statistics and self.feature_indices is not None:
            raise ValueError(f'feature_indices belongs to pooling "stage_statistics", but pooling is "{self.pooling}".')
        if self.pooling == "projection" and self.projection_dim is None:
            raise ValueError('pooling "projection" needs projection_dim.')
        if self.pooling == "pooler" and self.projection_dim is not None:
            raise ValueError('pooling "pooler" has no projection: set projection_dim to None.')

    def validate_head(self) -> None:
        """Raises ValueError where the head's sizes, temperature or score range are impossible."""
        if not 1 <= self.pca_dim <= self.embed_dim:
            raise ValueError(
                f"pca_dim is {self.pca_dim}: it must be from 1 to the embedding's width, {self.embed_dim}."
            )
        if self.num_prototypes < 1:
            raise ValueError(f"num_prototypes is {self.num_prototypes}: it must be at least 1.")
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}: it must be above 0 (1 for none).")
        if len(self.score_range) != 2 or not self.score_range[0] < self.score_range[1]:
            raise ValueError(f"score_range is {self.score_range}: it must be (lowest, highest), lowest < highest.")

    def validate_terms(self) -> None:
        """Raises ValueError where quality_terms are not pairs of different words, each named once."""
        if self.quality_terms is None:
            return
        terms = [term for pair in self.quality_terms for term in pair]
        if not terms or any(len(pair) != 2 for pair in self.quality_terms) or not all(terms):
            raise ValueError(f"quality_terms is {self.quality_terms}: it must be pairs [good term, bad term], or None.")
        if len(set(terms)) < len(terms):
            raise ValueError(f"quality_terms is {self.quality_terms}: a term is there twice.")

    @property
    def embed_dim(self) -> int:
        """Width D of the image embedding that the head scores."""
        return self.projection_dim or self.pooled_dim or 0

    def to_dict(self) -> dict[str, Any]:
        """The configuration as written to `config.json`, with the pointer to the pipeline among the remote code."""
        return {**super().to_dict(), "custom_pipelines": deepcopy(_REMOTE_PIPELINES)}

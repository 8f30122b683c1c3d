"""The RALI model: vision tower → image embedding → prototype head → score."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from .configuration_rali import RaliConfig
from .image_processing_rali import RaliImageProcessor
from .mapping_rali import patch_embeddings, window_statistics
from .pipeline_rali import ImageQualityPipeline  # noqa: F401 - imported so that it travels with every saved checkpoint
from .scoring import compress, expected_score, prototype_weights, ranked_terms, term_contrasts


@dataclass
class RaliOutput(ModelOutput):
    """What a [`RaliModel`] returns.

    Args:
        loss: () mean squared error against the labels, where labels were given.
        score: (B,) scores on `config.score_range`, higher is better; float32.
        prototype_weights: (B, K) convex weights of the prototypes; float32.
        image_embeds: (B, D) image embeddings, not normalised.
        hidden_states: the tower's hidden states, on request.
        attentions: the tower's attentions, on request, where it has any.
    """

    loss: torch.Tensor | None = None
    score: torch.Tensor | None = None
    prototype_weights: torch.Tensor | None = None
    image_embeds: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


class Explanation(NamedTuple):
    """Why a picture scores as it does: its score, its terms with their strength (see `scoring.ranked_terms`), and its
    embedding (D,)."""

    score: float
    terms: list[tuple[str, float]]
    embed: torch.Tensor


class RaliHead(nn.Module):
    """The score definition with its tensors; computes in float32 whatever the model's dtype (see `scoring`)."""

    mean: torch.Tensor

    def __init__(self, config: RaliConfig) -> None:
        super().__init__()
        embed_dim, pca_dim, prototypes = config.embed_dim, config.pca_dim, config.num_prototypes
        self.register_buffer("mean", torch.zeros(embed_dim))
        self.scale = nn.Parameter(torch.ones(embed_dim))
        self.components = nn.Parameter(torch.zeros(pca_dim, embed_dim))
        self.prototypes = nn.Parameter(torch.zeros(prototypes, pca_dim))
        self.prototype_scores = nn.Parameter(torch.zeros(prototypes))
        self.temperature = nn.Parameter(torch.tensor(config.temperature))

    def forward(self, image_embeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Image embeddings (B, D) → scores (B,) and prototype weights (B, K)."""
        with torch.autocast(image_embeds.device.type, enabled=False):
            compressed = compress(image_embeds.to(self.scale.dtype), self.mean, self.scale, self.components)
            weights = prototype_weights(compressed, self.prototypes, self.temperature)
            return expected_score(weights, self.prototype_scores), weights


class RaliTerms(nn.Module):
    """What the quality terms mean, as embeddings of texts, and how far pictures usually are from them; in float32."""

    embeds: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, pairs: int, embed_dim: int) -> None:
        super().__init__()
        self.register_buffer("embeds", torch.zeros(pairs, 2, embed_dim))
        self.register_buffer("mean", torch.zeros(pairs))
        self.register_buffer("scale", torch.ones(pairs))

    def forward(self, image_embeds: torch.Tensor) -> torch.Tensor:
        """Image embeddings (B, D) → contrasts (B, T), in deviations from the usual picture; positive towards the good term."""
        with torch.autocast(image_embeds.device.type, enabled=False):
            return (term_contrasts(image_embeds.to(self.embeds.dtype), self.embeds) - self.mean) / self.scale


def stage_statistics(feature_maps: list[torch.Tensor]) -> torch.Tensor:
    """Mean and standard deviation over space of each channel of each feature map.

    Args:
        feature_maps: (B, C_i, H_i, W_i) maps, or (B, N_i, C_i) token sequences.

    Returns:
        (B, 2 · ΣC_i): for each map its C_i means, then its C_i population standard deviations, in float32.
    """
    statistics = []
    for feature_map in feature_maps:
        channels = feature_map.float().flatten(2) if feature_map.ndim == 4 else feature_map.float().transpose(1, 2)
        variance, mean = torch.var_mean(channels, dim=-1, correction=0)
        # The small constant keeps the gradient finite where a channel is constant
        statistics += [mean, torch.sqrt(variance + 1e-12)]
    return torch.cat(statistics, dim=-1)


class RaliModel(PreTrainedModel):
    """No-reference image quality: a score for each picture, from any vision tower and a small head of prototypes.

    `forward` takes what the image processor makes; `score_images` takes images in [0, 1] and passes gradients to them.
    """

    config_class = RaliConfig
    base_model_prefix = "rali"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _keep_in_fp32_modules_strict = ("head", "terms", "text_projection")
    _no_split_modules = ("RaliHead", "RaliTerms")

    def __init__(self, config: RaliConfig) -> None:
        super().__init__(config)
        self.vision_model = AutoModel.from_config(config.vision_config)
        self.projection: nn.Linear | None = None
        if config.projection_dim is not None and config.pooled_dim is not None:
            bias = config.pooling == "stage_statistics"
            self.projection = nn.Linear(config.pooled_dim, config.projection_dim, bias=bias)
        self.text_projection = nn.Linear(config.embed_dim, config.text_dim) if config.text_dim else None
        self.head = RaliHead(config)
        self.terms = RaliTerms(len(config.quality_terms), config.embed_dim) if config.quality_terms else None
        self.image_processor = RaliImageProcessor(**(config.preprocessing or {}))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """A new head: directions at random, prototype scores spread evenly over the score range. New terms mean nothing."""
        super()._init_weights(module)
        if isinstance(module, RaliTerms):
            init.zeros_(module.embeds)
            init.zeros_(module.mean)
            init.ones_(module.scale)
        if isinstance(module, RaliHead):
            init.zeros_(module.mean)
            init.ones_(module.scale)
            init.orthogonal_(module.components)
            init.normal_(module.prototypes)
            low, high = self.config.score_range
            init.copy_(module.prototype_scores, torch.linspace(low, high, self.config.num_prototypes))
            init.constant_(module.temperature, self.config.temperature)

    def get_image_features(self, pixel_values: torch.Tensor, **kwargs: Any) -> tuple[torch.Tensor, Any]:
        """Preprocessed pictures (B, 3, H, W) → image embeddings (B, D), and the tower's whole output."""
        statistics = self.config.pooling == "stage_statistics"
        if statistics:
            kwargs["output_hidden_states"] = True
        # Convolutions run about twice as fast on this memory layout; transformers do not mind
        pixel_values = pixel_values.to(self.vision_model.dtype, memory_format=torch.channels_last)
        tower = self.vision_model(pixel_values=pixel_values, **kwargs)
        if statistics:
            pooled = stage_statistics([tower.hidden_states[index] for index in self.config.feature_indices])
        else:
            pooled = tower.pooler_output.flatten(1)
        if pooled.shape[-1] != self.config.pooled_dim:
            raise ValueError(
                f"the tower's pooled output is {pooled.shape[-1]} wide, but config.pooled_dim is {self.config.pooled_dim}: "
                f"set pooled_dim to {pooled.shape[-1]}."
            )
        return self._embedded(pooled), tower

    def _embedded(self, pooled: torch.Tensor) -> torch.Tensor:
        """Pooled vectors (…, P) → image embeddings (…, D)."""
        return pooled if self.projection is None else self.projection(pooled.to(self.projection.weight.dtype))

    def text_embeds(self, embeds: torch.Tensor) -> torch.Tensor:
        """Image embeddings (…, D) → where they are in the space of the texts that the model was aligned with, in float32."""
        if self.text_projection is None:
            return embeds.float()
        with torch.autocast(embeds.device.type, enabled=False):
            weight, bias = self.text_projection.weight.float(), self.text_projection.bias.float()
            return nn.functional.linear(embeds.float(), weight, bias)

    def forward(
        self,
        pixel_values: torch.Tensor,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> RaliOutput | tuple[Any, ...]:
        """Score preprocessed pictures.

        Args:
            pixel_values: (B, 3, H, W) as the image processor makes them. Gradients reach them.
            labels: (B,) scores on `config.score_range`; the loss is then the mean squared error.
            output_hidden_states: return the tower's hidden states.
            output_attentions: return the tower's attentions.
            return_dict: `False` for a plain tuple.
        """
        requested = {"output_hidden_states": output_hidden_states, "output_attentions": output_attentions}
        embeds, tower = self.get_image_features(pixel_values, **{key: True for key, on in requested.items() if on})
        score, weights = self.head(embeds)
        loss = None if labels is None else nn.functional.mse_loss(score, labels.to(score.dtype))
        output = RaliOutput(
            loss=loss,
            score=score,
            prototype_weights=weights,
            image_embeds=embeds,
            hidden_states=tower.hidden_states if output_hidden_states else None,
            attentions=tower.attentions if output_attentions else None,
        )
        return output.to_tuple() if return_dict is False else output

    def score_pictures(self, pictures: Sequence[torch.Tensor]) -> torch.Tensor:
        """Score preprocessed pictures (3, H, W) that may differ in size: (B,) scores on the model's device, in order.

        Pictures of one size share a forward pass and none is padded, so that a score does not depend on its neighbours.
        """
        by_size: dict[torch.Size, list[int]] = {}
        for index, picture in enumerate(pictures):
            by_size.setdefault(picture.shape, []).append(index)
        scores = torch.empty(len(pictures), device=self.device)
        for indices in by_size.values():
            scores[indices] = self(torch.stack([pictures[index] for index in indices]).to(self.device)).score.float()
        return scores

    def score_images(self, images: torch.Tensor) -> torch.Tensor:
        """Score images (B, 3, H, W) in [0, 1] as they are in memory: (B,) scores, differentiable with respect to the images.

        This is the path for a reward or a loss: of image generation, restoration or compression.
        """
        return self(self.image_processor.pixels_from_tensor(images)).score

    def explain(self, pictures: Sequence[torch.Tensor]) -> list[Explanation]:
        """Score preprocessed pictures (3, H, W), which may differ in size, and say why in the checkpoint's quality terms.

        Raises:
            ValueError: if the checkpoint has no quality terms.
        """
        if self.terms is None:
            raise ValueError(
                "this checkpoint has no quality terms to explain with: a model that was aligned with texts gets them with its "
                "head (recipes/prototypes.py)."
            )
        explanations = []
        for picture in pictures:
            embeds, _ = self.get_image_features(picture[None].to(self.device))
            score = self.head(embeds)[0].item()
            terms = ranked_terms(
                self.terms(embeds)[0].tolist(), self.config.quality_terms, score, tuple(self.config.score_range)
            )
            explanations.append(Explanation(score, terms, embeds[0]))
        return explanations

    def score_map(self, picture: torch.Tensor) -> torch.Tensor:
        """Scores of parts of a preprocessed picture (3, H, W), by the same head: (h, w), top row first.

        Under `stage_statistics` they are of windows of `mapping_rali.WINDOW_SHARE` of each side, the first and the last
        touching the edges; for CLIP and SigLIP towers of patches, each of which has seen the others.

        Raises:
            ValueError: for a tower that gives no features of parts.
        """
        pixels = picture[None].to(self.device)
        if self.config.pooling == "stage_statistics":
            pixels = pixels.to(self.vision_model.dtype, memory_format=torch.channels_last)
            states = self.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states
            parts = window_statistics([states[index] for index in self.config.feature_indices])
            steps = round(len(parts) ** 0.5)
            parts = parts.reshape(steps, steps, -1)
        else:
            tokens = self.vision_model(pixel_values=pixels.to(self.vision_model.dtype)).last_hidden_state
            parts = patch_embeddings(self.vision_model, tokens, *picture.shape[-2:])
        embeds = self._embedded(parts)
        return self.head(embeds.flatten(0, 1))[0].reshape(embeds.shape[:2])

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Save the whole checkpoint: configuration, weights, image processor, and the code that loads it."""
        super().save_pretrained(save_directory, **kwargs)
        self.image_processor.save_pretrained(save_directory)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *args: Any,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Load a checkpoint; see `transformers.PreTrainedModel.from_pretrained` for the arguments.

        Raises:
            ValueError: if tensors are missing, left over, misshapen or not finite; the message names them. A score from
                tensors that were made up would look like any other.
        """
        model, info = super().from_pretrained(
            pretrained_model_name_or_path,
            *args,
            output_loading_info=True,
            **{"ignore_mismatched_sizes": True, **kwargs},
        )
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        not_finite = [
            name
            for name, tensor in tensors.items()
            if tensor.device.type != "meta" and not torch.isfinite(tensor).all()
        ]
        faults = {
            "missing": info["missing_keys"],
            "not part of the model": info["unexpected_keys"],
            "of the wrong shape": [key for key, *_ in info["mismatched_keys"]],
            "not finite": not_finite,
        }
        found = [f"{fault}: {', '.join(sorted(names))}" for fault, names in faults.items() if names]
        if found:
            raise ValueError(f"{pretrained_model_name_or_path}: the checkpoint's tensors are {'; '.join(found)}.")
        return (model, info) if output_loading_info else model

"""`pipeline("image-quality")`: pictures in, scores out."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from transformers import Pipeline

from .image_processing_rali import Picture, read_image
from .scoring import quality_label, ranked_terms, remark


class ImageQualityPipeline(Pipeline):
    """No-reference image quality pipeline.

    Takes a path, URL, PIL image, numpy array or tensor, a batch (B, H, W, C) or (B, C, H, W), or a list, generator or
    dataset column of them, and returns for each `{"score", "label", "score_range"}`: the score on `score_range`, higher
    is better, and its grade on the ACR scale. Pictures of different sizes may share a `batch_size`: they are grouped by
    size, never padded, so that a score does not depend on its neighbours. With `explain=True` there are `"explanation"`, a
    short remark, and `"terms"`, what it is made of: (term, strength) pairs, see `RaliModel.explain`.

        >>> import modeling_rali
        >>> from transformers import pipeline
        >>> pipe = pipeline("image-quality")
        >>> pipe("photo.jpg")
        {'score': 3.71, 'label': 'good', 'score_range': (1.0, 5.0)}
    """

    _load_processor = False
    _load_video_processor = False
    _load_image_processor = True
    _load_feature_extractor = False
    _load_tokenizer = False

    def _sanitize_parameters(
        self, timeout: float | None = None, explain: bool | None = None
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return (
            {} if timeout is None else {"timeout": timeout},
            {} if explain is None else {"explain": explain},
            {},
        )

    def __call__(self, inputs: Picture | Iterable[Picture], **kwargs: Any) -> Any:
        """Score pictures; `batch_size`, `num_workers`, `explain` and, for URLs, `timeout` in seconds may be given.

        Raises:
            UnreadableImageError: for a picture that cannot be shown.
            ValueError: for `explain` with a checkpoint that has no quality terms.
        """
        if isinstance(inputs, (np.ndarray, torch.Tensor)) and inputs.ndim == 4:
            inputs = list(inputs)
        return super().__call__(inputs, **kwargs)

    def preprocess(self, inputs: Picture, timeout: float = 30.0) -> dict[str, Any]:
        # A list and not a batch: pictures of different sizes then collate into one list
        return {"pixel_values": [self.image_processor.pixels(read_image(inputs, timeout=timeout))]}

    def _forward(self, model_inputs: dict[str, Any], explain: bool = False) -> dict[str, Any]:
        pictures = model_inputs["pixel_values"]
        if isinstance(pictures[0], list):  # collated
            pictures = [picture for pictures_of_one in pictures for picture in pictures_of_one]
        if not explain:
            return {"score": self.model.score_pictures(pictures)}
        explanations = self.model.explain(pictures)
        return {
            "score": torch.tensor([explanation.score for explanation in explanations]),
            # A tensor, because the pipeline takes batches of nothing else apart again
            "contrasts": self.model.terms(torch.stack([explanation.embed for explanation in explanations])),
        }

    def postprocess(self, model_outputs: dict[str, Any]) -> dict[str, Any]:
        score = model_outputs["score"].item()
        score_range = tuple(self.model.config.score_range)
        output = {"score": score, "label": quality_label(score, score_range), "score_range": score_range}
        if "contrasts" in model_outputs:
            contrasts = model_outputs["contrasts"][0].tolist()
            terms = ranked_terms(contrasts, self.model.config.quality_terms, score, score_range)
            output |= {"explanation": remark(terms), "terms": terms}
        return output

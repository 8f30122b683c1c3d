"""The model that an alignment starts from."""

from pathlib import Path

import torch
from datasets import Dataset

from ..conversion.efficientnet_lite import rali_on_efficientnet_lite0
from ..conversion.vision_towers import rali_on_vision_tower
from ..modeling_rali import RaliModel
from ..prototypes import embed_pictures
from .data import Texts
from .model import AlignmentModel
from .training_texts import mean_text_embeds
from .warm_start import fit_readout, fitted_projection

_PROJECTION_PENALTY = 3000.0  # chosen on validation
_READOUT_PENALTY = 6000.0  # likewise


def starting_tower(name: str, image_size: int) -> RaliModel:
    """`"efficientnet-lite0"`, a RALI checkpoint, or a CLIP or SigLIP model: folder or Hub id.

    Raises:
        OSError: if there is no such model.
        ValueError: for a model that has no tower known here.
    """
    if name == "efficientnet-lite0":
        return rali_on_efficientnet_lite0(image_size)
    return rali_on_vision_tower(name)


def starting_model(
    rali: RaliModel, rows: Dataset, texts: Texts, labels: torch.Tensor, reference: torch.Tensor, cache: Path
) -> AlignmentModel:
    """The model to align, with a new projection into the space of the texts where its embeddings are not in one.

    A projection is fitted to the features of the reference rows as they are, and the read-out to their labels.

    Args:
        rali: from `starting_tower`.
        rows: N rows of a texts folder.
        texts: the embeddings of their texts.
        labels: (N,) standardised scores, NaN where there is none.
        reference: (N,) bool, which rows the fit is of: the undegraded ones.
        cache: for the features, see `embed_pictures`.

    Raises:
        ValueError: if the tower's embeddings and the texts' differ in width.
    """
    width = texts.embeds.shape[1]
    if rali.config.pooling != "stage_statistics" or rali.projection is not None:
        if rali.config.embed_dim != width:
            raise ValueError(
                f"the tower's embeddings are {rali.config.embed_dim} wide and the text encoder's {width}: "
                "choose the text encoder that belongs to the tower."
            )
        return AlignmentModel(rali)
    chosen = reference.nonzero().squeeze(1)
    paths = [rows[int(row)]["image"] for row in chosen]
    features = embed_pictures(rali, paths, cache, mirrored=False)[0]
    projection = fitted_projection(features, mean_text_embeds(texts)[chosen], _PROJECTION_PENALTY)
    model = AlignmentModel(rali, projection)
    labelled = ~labels[chosen].isnan()
    if labelled.any():
        standardised = projection.standardised(features[labelled])
        fit_readout(model.readout, standardised, labels[chosen][labelled], _READOUT_PENALTY)
    return model

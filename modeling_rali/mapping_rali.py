"""Where in a picture the score comes from: the head applied to parts of it."""

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel

WINDOW_SHARE = 1 / 3
"""Side of a window as a share of the picture's side, under `stage_statistics`."""

_STEPS = 16  # windows along a side, which overlap


def window_statistics(
    feature_maps: list[torch.Tensor], steps: int = _STEPS, share: float = WINDOW_SHARE
) -> torch.Tensor:
    """Mean and standard deviation of each channel of each feature map over windows that slide over the picture.

    Windows cover the same part of the picture in every map: their statistics are interpolated to a common grid whose
    first and last window touch the edges.

    Args:
        feature_maps: (1, C_i, H_i, W_i) maps of one picture.
        steps: windows along each side.
        share: side of a window as a share of the picture's.

    Returns:
        (steps · steps, 2 · ΣC_i) row by row, in the order of `stage_statistics`.
    """
    statistics = []
    for feature_map in feature_maps:
        values = feature_map.float()
        kernel = [max(round(share * side), 1) for side in values.shape[-2:]]
        # The mean over the whole map is taken off first, so that E[x²] - E[x]² loses no digits
        offset = values.mean(dim=(-2, -1), keepdim=True)
        moments = torch.cat([values - offset, (values - offset) ** 2], dim=1)
        windows = F.avg_pool2d(moments, kernel, stride=1)
        grid = F.interpolate(windows, (steps, steps), mode="bilinear", align_corners=True)
        mean, square = grid.chunk(2, dim=1)
        deviation = (square - mean**2).clamp_min(1e-12).sqrt()
        statistics += [part.flatten(2)[0].T for part in (mean + offset, deviation)]
    return torch.cat(statistics, dim=-1)


def patch_embeddings(tower: PreTrainedModel, tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """What the pooled output would be if it were of one patch alone.

    Args:
        tower: a CLIP or SigLIP vision tower.
        tokens: (1, N, C) its last hidden state.
        height, width: of the preprocessed picture, in pixels.

    Returns:
        (h, w, C) for h × w patches.

    Raises:
        ValueError: for a tower whose pooling cannot be applied to a patch.
    """
    kind = tower.config.model_type
    if kind == "clip_vision_model":
        patches = tower.post_layernorm(tokens[0, 1:])
    elif kind == "siglip_vision_model":
        patches = tower.head(tokens[0][:, None])
    else:
        raise ValueError(
            f'a map needs features of parts of a picture, which a tower of type "{kind}" with this pooling does not give: '
            'maps are drawn for pooling "stage_statistics", and for CLIP and SigLIP towers.'
        )
    size = tower.config.patch_size
    return patches.reshape(height // size, width // size, -1)

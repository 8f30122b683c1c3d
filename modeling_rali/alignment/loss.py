"""Symmetric InfoNCE between pictures and texts, several of which may belong together."""

import torch
from torch import distributed
from torch.distributed.nn.functional import all_gather
from torch.nn import functional as F


def multi_positive_info_nce(
    image_embeds: torch.Tensor, text_embeds: torch.Tensor, positives: torch.Tensor, logit_scale: torch.Tensor
) -> torch.Tensor:
    """The contrast of each picture with the texts of others, and of each text with other pictures.

    With s = logit_scale · cos(image, text), each picture i has the loss
        mean over its positives p of  -log( exp s_ip / (exp s_ip + Σ over its negatives n of exp s_in) ),
    so that a positive is never another's negative; texts likewise with the pictures. The loss is the mean of both sides'
    means. With one positive each it is the InfoNCE of CLIP (arXiv 2103.00020).

    Args:
        image_embeds: (B, D), of any length.
        text_embeds: (B, D), of any length.
        positives: (B, B) bool, which picture (row) and text (column) belong together; the diagonal at least.
        logit_scale: () 1/τ.

    Returns:
        () loss, in float32. A row without any negative adds 0.

    Raises:
        ValueError: for fewer than two pictures, or embeddings that are not finite.
    """
    if len(image_embeds) < 2:
        raise ValueError(f"a batch of {len(image_embeds)} has no negatives: give at least 2 pictures.")
    for what, embeds in (("image", image_embeds), ("text", text_embeds)):
        if not torch.isfinite(embeds).all():
            raise ValueError(
                f"{what} embeddings of this batch are not finite: lower the learning rate, or look for bad data."
            )
    with torch.autocast(image_embeds.device.type, enabled=False):
        images, texts = (F.normalize(embeds.float(), dim=-1) for embeds in (image_embeds, text_embeds))
        logits = images @ texts.T * logit_scale.float()
        return (_one_side(logits, positives) + _one_side(logits.T, positives.T)) / 2


def _one_side(logits: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """The mean over rows of the loss above; logits (B, B), positives (B, B)."""
    negatives = logits.masked_fill(positives, -torch.inf).logsumexp(dim=1, keepdim=True)
    # log(1 + Σ exp(s_n) / exp(s_p)): softplus is exact where one side vanishes, and 0 where there is no negative
    losses = F.softplus(negatives - logits).masked_fill(~positives, 0.0)
    return (losses.sum(1) / positives.sum(1)).mean()


def positive_pairs(image_keys: torch.Tensor, text_keys: torch.Tensor) -> torch.Tensor:
    """(B, B) bool: picture i and text j belong together where they are of one picture, or text j says what text i says.

    Args:
        image_keys: (B,) integers, equal for equal pictures.
        text_keys: (B,) integers, equal for equal texts.
    """
    return (image_keys[:, None] == image_keys) | (text_keys[:, None] == text_keys)


def gather_with_gradients(tensor: torch.Tensor) -> torch.Tensor:
    """The rows (B, …) of all processes, in order (W · B, …); the tensor itself where there is one process.

    Backward, a row gets the sum of what all W processes ask of it. Each of them holds the whole loss, so that is W times
    its gradient, which the mean over processes that DDP takes makes right.
    """
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return tensor
    return torch.cat(all_gather(tensor.contiguous()))

"""RALI as a reward: for completions that make pictures, in TRL's calling form, and for pixels, with gradients.

Both give the model's scores as they are, on `config.score_range`. Where a score stands beside other rewards or losses its
weight belongs to what sums them, such as `reward_weights` of TRL's `GRPOConfig`; alone, GRPO takes the scale away.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .image_processing_rali import Picture
from .inference import score_rows
from .modeling_rali import RaliModel

logger = logging.getLogger(__name__)

Draw = Callable[..., Sequence[Picture | None]]
"""A function that TRL could call as a reward, but giving pictures: one a completion, None for one that makes none."""


class CompletionReward:
    """A reward function of TRL's trainers: the score of the picture that each completion makes.

    A completion is text, and what picture it makes is the task's own: it may be settings of an edit, code that draws, or a
    prompt that an image generator is given. `draw` makes the pictures, of all completions at once.

        >>> def draw(prompts, completions, path, **columns):
        ...     return [edited(Image.open(path), text) for path, text in zip(path, completions)]
        >>> trainer = GRPOTrainer(..., reward_funcs=CompletionReward(load_model(fused=True), draw))
    """

    __name__ = "image_quality"  # after which TRL's log calls it

    def __init__(self, model: RaliModel, draw: Draw) -> None:
        """A reward by this model.

        Args:
            model: on the device to score on; where several processes train, each loads it on its own.
            draw: called as TRL calls a reward function, `draw(prompts=…, completions=…, completion_ids=…, **columns)` with
                a list for every column of the dataset, and returns for each completion a picture, which is anything
                `read_image` takes, or None.
        """
        self.model = model
        self.draw = draw

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Draw and score.

        Returns:
            A score for each completion. None, which TRL leaves out of the sum of rewards, where there is no picture, and
            with a warning that names it where the picture cannot be read or has no finite score.

        Raises:
            ValueError: `draw` returned more or fewer pictures than there are completions.
        """
        pictures = self.draw(prompts=prompts, completions=completions, **columns)
        if len(pictures) != len(completions):
            raise ValueError(
                f"draw returned {len(pictures)} pictures for {len(completions)} completions: one for each."
            )
        drawn = {row: picture for row, picture in enumerate(pictures) if picture is not None}
        named = [(_name(row, picture, completions[row]), picture) for row, picture in drawn.items()]
        rewards: list[float | None] = [None] * len(completions)
        for row, result in zip(drawn, score_rows(self.model, named), strict=True):
            rewards[row] = result.score
            if result.error is not None:
                logger.warning("%s: %s It earns no reward.", result.path, result.error)
        return rewards


def _name(row: int, picture: Picture, completion: Any) -> str:
    return str(picture) if isinstance(picture, (str, Path)) else f"the picture of completion {row}, {completion!r}"


class PixelReward(nn.Module):
    """The score of images as a frozen module that passes gradients to their pixels: of an image generator, or an edit.

        >>> reward = PixelReward(load_model(fused=True))
        >>> loss = -reward(generator(noise)).mean()

    It adds to `RaliModel.score_images` what a training loop needs: the parameters are frozen, and the model stays in
    evaluation mode when what holds the reward is put into training mode; images may be on another device or in half
    precision; values that no screen shows are refused. Libraries that take a function of images, prompts and metadata,
    as DDPO's do, get `lambda images, prompts, metadata: (reward(images), {})`.
    """

    def __init__(self, model: RaliModel) -> None:
        """A reward by this model, which is frozen and put in evaluation mode."""
        super().__init__()
        self.model = model.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "PixelReward":
        """Stays in evaluation mode, in which a score does not depend on the other images of a batch."""
        return super().train(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Score images.

        Args:
            images: (B, 3, H, W) floats in [0, 1].

        Returns:
            (B,) scores on `config.score_range`, on the device of the images; float32.

        Raises:
            ValueError: for another shape or type, and for values outside of [0, 1] or NaN.
        """
        low, high = (value.item() for value in images.detach().aminmax())
        if not (low >= 0 and high <= 1):  # the negated form refuses NaN too
            raise ValueError(
                f"values run from {low:.3g} to {high:.3g}: they must lie in [0, 1]. Bring a generator's [-1, 1] there by "
                "(x + 1) / 2, and clamp what overshoots."
            )
        device = images.device
        if images.dtype in (torch.float16, torch.bfloat16):
            images = images.float()  # resizing in half precision rounds more coarsely than 8 bits, and CPUs have none
        return self.model.score_images(images.to(self.model.device)).to(device)

"""Improve a picture by gradient ascent on its score: python docs/examples/improve_a_picture.py PICTURE OUTPUT

The edit stands in for any generator whose output has gradients. It has three settings on purpose: the more freedom an edit
has, the more easily it finds what flatters the scorer and not the eye; with contrast among them it burns out the colours.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from torch import nn
from torch.nn import functional as F

from modeling_rali.image_processing_rali import read_image
from modeling_rali.inference import load_model
from modeling_rali.reward import PixelReward

STEPS = 25
WIDTHS = (3, 7, 15)
"""Of the windows, in pixels."""


class Sharpening(nn.Module):
    """Detail of three sizes, each amplified by an amount that begins at nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.amounts = nn.Parameter(torch.zeros(len(WIDTHS)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W) in [0, 1] → sharpened ones."""
        smooth = [images, *(self.smoothed(images, width) for width in WIDTHS)]
        details = [finer - coarser for finer, coarser in pairwise(smooth)]
        added = sum(amount * detail for amount, detail in zip(self.amounts, details, strict=True))
        return (images + added).clamp(0, 1)

    @staticmethod
    def smoothed(images: torch.Tensor, width: int) -> torch.Tensor:
        """The mean over windows of width × width pixels."""
        reach = width // 2
        return F.avg_pool2d(F.pad(images, (reach, reach, reach, reach), mode="replicate"), width, stride=1)


def main() -> None:
    """Edit the picture, and print its score before and after."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    pixels = np.asarray(read_image(arguments.picture))
    images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    reward = PixelReward(load_model(fused=True))
    edit = Sharpening()
    optimizer = torch.optim.Adam(edit.parameters(), lr=0.1)
    for _ in range(STEPS):
        loss = -reward(edit(images)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with torch.no_grad():
        edited = edit(images)
        before, after = reward(images).item(), reward(edited).item()
    Image.fromarray((edited[0] * 255).round().byte().permute(1, 2, 0).numpy()).save(arguments.output)
    Console().print(f"score {before:.2f} → {after:.2f}")
    Console().print("amounts " + ", ".join(f"{amount:+.2f}" for amount in edit.amounts.tolist()))


if __name__ == "__main__":
    main()

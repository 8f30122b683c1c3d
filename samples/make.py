"""Make the degraded versions of the sample photographs: python samples/make.py

Each photograph NAME.jpg in this folder gets NAME-blurred.jpg, NAME-noisy.jpg, NAME-dark.jpg and NAME-compressed.jpg.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


def noisy(image: Image.Image, deviation: float, seed: int) -> Image.Image:
    """The picture with Gaussian noise of `deviation` grey levels on every channel."""
    pixels = np.asarray(image) + np.random.default_rng(seed).normal(0, deviation, (*image.size[::-1], 3))
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def main() -> None:
    """Write the degraded versions beside the photographs."""
    folder = Path(__file__).parent
    for name in PHOTOGRAPHS:
        image = Image.open(folder / f"{name}.jpg")
        image.filter(ImageFilter.GaussianBlur(3)).save(folder / f"{name}-blurred.jpg", quality=92)
        noisy(image, deviation=30, seed=0).save(folder / f"{name}-noisy.jpg", quality=88)
        ImageEnhance.Brightness(image).enhance(0.25).save(folder / f"{name}-dark.jpg", quality=92)
        image.save(folder / f"{name}-compressed.jpg", quality=6)


if __name__ == "__main__":
    main()

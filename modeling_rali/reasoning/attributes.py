"""Measurable attributes of a picture, each with the direction in which it grows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2gray


class Attributes(NamedTuple):
    """What was measured, on pixels from 0 to 255.

    Args:
        sharpness: log of the 95th percentile of the gradient's magnitude (Sobel) of the luminance: of the best edges.
        detail: log of the mean absolute Laplacian of the luminance: of fine structure everywhere.
        noise: log of the deviation of Gaussian noise, median |d| / 0.6745 over the diagonal Haar coefficients d of the
            luminance (Donoho & Johnstone, 1994).
        brightness: mean luminance.
        contrast: standard deviation of the luminance.
        colourfulness: √(σ_rg² + σ_yb²) + 0.3 √(μ_rg² + μ_yb²) (Hasler & Süsstrunk, 2003).
        blocking: log of the mean step across the borders of 8 × 8 blocks over that inside them; 0 where there are none.
        dark: share of pixels below 8.
        burnt: share of pixels above 247.
        megapixels: size.
    """

    sharpness: float
    detail: float
    noise: float
    brightness: float
    contrast: float
    colourfulness: float
    blocking: float
    dark: float
    burnt: float
    megapixels: float


def measure(image: Image.Image) -> Attributes:
    """Measure an RGB picture of at least 16 × 16 pixels.

    Raises:
        ValueError: if it is smaller.
    """
    if min(image.size) < 16:
        raise ValueError(
            f"a picture of {image.width} × {image.height} pixels is too small to be measured: 16 × 16 at least."
        )
    pixels = np.asarray(image)
    grey = (255 * rgb2gray(pixels)).astype(np.float32)
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    gradient = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    return Attributes(
        sharpness=_log(np.percentile(gradient, 95)),
        detail=_log(np.abs(ndimage.laplace(grey)).mean()),
        noise=_log(_noise_deviation(grey)),
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        colourfulness=float(
            np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
        ),
        blocking=float((_blocking(grey) + _blocking(grey.T)) / 2),
        dark=float((grey < 8).mean()),
        burnt=float((grey > 247).mean()),
        megapixels=image.width * image.height / 1e6,
    )


def _log(value: float) -> float:
    return float(np.log(value + 0.05))  # a flat picture has none of it: keep the logarithm finite


def _noise_deviation(grey: npt.NDArray[np.float32]) -> float:
    rows, columns = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    corners = (grey[top:rows:2, left:columns:2] for top in (0, 1) for left in (0, 1))
    upper_left, upper_right, lower_left, lower_right = corners
    return float(np.median(np.abs(upper_left - upper_right - lower_left + lower_right)) / 2 / 0.6745)


def _blocking(grey: npt.NDArray[np.float32]) -> float:
    """Log ratio of steps between columns that JPEG codes apart to those that it codes together."""
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    border = np.arange(len(steps)) % 8 == 7
    return float(np.log((steps[border].mean() + 0.1) / (steps[~border].mean() + 0.1)))

"""Known degradations at five levels, from just visible to catastrophic.

Lengths are for pictures of 512 × 512 pixels and grow with the square root of the area, so that a level looks the same at
any size.
"""

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage, signal
from skimage.color import rgb2gray
from skimage.restoration import denoise_tv_chambolle

LEVELS = (1, 2, 3, 4, 5)

Pixels = npt.NDArray[np.float32]
Degradation = Callable[[Image.Image, int, np.random.Generator], Image.Image]


def degrade(image: Image.Image, name: str, level: int, seed: int = 0) -> Image.Image:
    """Degrade a picture in a known way.

    Args:
        image: RGB.
        name: of `DEGRADATIONS`.
        level: 1, just visible, to 5, catastrophic.
        seed: of all that chance decides: noise, directions, places.

    Returns:
        An RGB picture of the same size.

    Raises:
        ValueError: for an unknown name or level.
    """
    if name not in DEGRADATIONS:
        raise ValueError(f'no degradation "{name}": choose among {", ".join(DEGRADATIONS)}.')
    if level not in LEVELS:
        raise ValueError(f"level {level} of {name}: it must be from 1 to 5.")
    return DEGRADATIONS[name](image, level - 1, np.random.default_rng(seed))


def _pixels(image: Image.Image) -> Pixels:
    """(H, W, 3) in 0–255."""
    return np.asarray(image, dtype=np.float32)


def _image(pixels: npt.NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _unit(image: Image.Image) -> float:
    """How long a pixel of a 512 × 512 picture is in this one."""
    return math.sqrt(image.width * image.height) / 512


def _gaussian_blur(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    sigma = (0.8, 1.4, 2.4, 4.0, 7.0)[level] * _unit(image)
    return _image(ndimage.gaussian_filter(_pixels(image), (sigma, sigma, 0)))


def _convolved(image: Image.Image, kernel: npt.NDArray[np.floating]) -> Image.Image:
    reach = kernel.shape[0] // 2
    padded = np.pad(_pixels(image), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    return _image(signal.fftconvolve(padded, kernel[..., None] / kernel.sum(), mode="valid", axes=(0, 1)))


def _motion_blur(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """The average along a straight line in a random direction."""
    length = (4, 8, 14, 24, 40)[level] * _unit(image)
    angle = rng.uniform(0, np.pi)
    reach = math.ceil(length / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for step in np.linspace(-length / 2, length / 2, 4 * reach + 1):
        kernel[round(reach + step * math.sin(angle)), round(reach + step * math.cos(angle))] += 1
    return _convolved(image, kernel)


def _defocus(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """The average over a disc, as a lens out of focus gives."""
    radius = (1.2, 2.2, 3.8, 6.0, 10.0)[level] * _unit(image)
    reach = math.ceil(radius)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return _convolved(image, np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1))


def _gaussian_noise(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _image(_pixels(image) + rng.normal(0, (6, 12, 22, 38, 62)[level], (image.height, image.width, 3)))


def _salt_and_pepper(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    share = (0.004, 0.012, 0.035, 0.09, 0.2)[level]
    drawn = rng.random((image.height, image.width))
    pixels = _pixels(image).copy()
    pixels[drawn < share / 2] = 0
    pixels[drawn > 1 - share / 2] = 255
    return _image(pixels)


def _recoded(image: Image.Image, **settings: Any) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, **settings)
    with Image.open(buffer) as recoded:
        return recoded.convert("RGB")


def _jpeg(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _recoded(image, format="JPEG", quality=(40, 24, 14, 8, 4)[level])


def _jpeg2000(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _recoded(image, format="JPEG2000", quality_mode="rates", quality_layers=[(24, 45, 80, 140, 240)[level]])


def _darken(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    exponent, gain = ((1.25, 0.9), (1.6, 0.75), (2.1, 0.6), (2.8, 0.45), (4.0, 0.3))[level]
    return _image(255 * (_pixels(image) / 255) ** exponent * gain)


def _overexpose(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    gain, lift = ((1.25, 5), (1.55, 12), (1.95, 20), (2.5, 30), (3.4, 45))[level]
    return _image(_pixels(image) * gain + lift)


def _coloured(image: Image.Image, factor: float) -> Image.Image:
    """Colours moved away from the grey of the same luminance by `factor`, or towards it where it is below 1."""
    grey = 255 * rgb2gray(np.asarray(image))[..., None]
    return _image(grey + (_pixels(image) - grey) * factor)


def _saturate(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _coloured(image, (1.5, 2.0, 2.7, 3.6, 5.0)[level])


def _desaturate(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _coloured(image, (0.6, 0.42, 0.28, 0.14, 0.0)[level])


def _low_contrast(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    pixels = _pixels(image)
    return _image(pixels.mean() + (pixels - pixels.mean()) * (0.75, 0.58, 0.42, 0.3, 0.18)[level])


def _pixelate(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    side = max((2, 3, 5, 8, 13)[level] * _unit(image), 2)
    small = max(round(image.width / side), 1), max(round(image.height / side), 1)
    return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST)


def _oversharpen(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """The difference to a blurred copy, added several times: bright and dark seams along edges."""
    pixels = _pixels(image)
    reach = 1.5 * _unit(image)
    return _image(
        pixels + (1.2, 2.2, 3.8, 6.5, 11.0)[level] * (pixels - ndimage.gaussian_filter(pixels, (reach, reach, 0)))
    )


def _posterize(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Few steps in each channel: bands where there were gradients."""
    step = 255 / ((14, 9, 6, 4, 3)[level] - 1)
    return _image(np.round(_pixels(image) / step) * step)


def _smear(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Texture flattened between edges that stay, as by strong denoising or a brush (total variation, Chambolle 2004)."""
    weight = (0.06, 0.12, 0.22, 0.4, 0.8)[level] * _unit(image)
    return _image(255 * denoise_tv_chambolle(_pixels(image) / 255, weight, max_num_iter=40, channel_axis=-1))


def _warp(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Every place displaced a little, its neighbours alike: lines wobble and shapes lose their form."""
    reach, deviation = 7 * _unit(image), (1.0, 1.8, 3.0, 4.8, 7.5)[level] * _unit(image)
    shifts = [ndimage.gaussian_filter(rng.normal(size=(image.height, image.width)), reach) for _ in range(2)]
    places = np.indices((image.height, image.width)) + [shift / shift.std() * deviation for shift in shifts]
    pixels = _pixels(image)
    channels = [ndimage.map_coordinates(pixels[..., one], places, order=1, mode="nearest") for one in range(3)]
    return _image(np.stack(channels, axis=-1))


def _misplace(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Small squares replaced by what is a little beside them."""
    pixels = _pixels(image).copy()
    side = min(max(round(24 * _unit(image)), 2), *image.size)
    for _ in range((12, 30, 70, 150, 300)[level]):
        row, column = (int(rng.integers(length - side + 1)) for length in pixels.shape[:2])
        down, right = (int(rng.integers(-side, side + 1)) for _ in range(2))
        top = min(max(row + down, 0), pixels.shape[0] - side)
        left = min(max(column + right, 0), pixels.shape[1] - side)
        pixels[row : row + side, column : column + side] = pixels[top : top + side, left : left + side].copy()
    return _image(pixels)


DEGRADATIONS: dict[str, Degradation] = {
    "gaussian_blur": _gaussian_blur,
    "motion_blur": _motion_blur,
    "defocus": _defocus,
    "gaussian_noise": _gaussian_noise,
    "salt_and_pepper": _salt_and_pepper,
    "jpeg": _jpeg,
    "jpeg2000": _jpeg2000,
    "darken": _darken,
    "overexpose": _overexpose,
    "saturate": _saturate,
    "desaturate": _desaturate,
    "low_contrast": _low_contrast,
    "pixelate": _pixelate,
    "oversharpen": _oversharpen,
    "posterize": _posterize,
    "smear": _smear,
    "warp": _warp,
    "misplace": _misplace,
}
"""Name → what it does to an RGB picture at level - 1."""

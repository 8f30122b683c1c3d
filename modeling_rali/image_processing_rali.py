"""What pixels a RALI model sees: reading pictures as a viewer shows them, and bringing them to the tower's input size."""

import http.client
import io
import math
import struct
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch.nn import functional as F
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

Picture = str | Path | Image.Image | np.ndarray | torch.Tensor
"""A picture as a user has it: path, URL, PIL image, array or tensor."""

Resize = Literal["short_edge", "stretch", "area"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

# All that Pillow's decoders were seen to raise on files that are damaged or only pretend to be pictures.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → the transposition that undoes it (EXIF 2.32, tag 0x0112)."""


class UnreadableImageError(ValueError):
    """A picture that cannot be shown; the message says which and why."""


def read_image(source: Picture, max_pixels: int | None = None, timeout: float = 30.0) -> Image.Image:
    """Read one picture as a viewer shows it.

    Args:
        source: path, http(s) URL, PIL image, array or tensor. Arrays and tensors are (H, W), (H, W, C) or (C, H, W) with
            1, 3 or 4 channels: uint8, uint16, or floating point in [0, 1].
        max_pixels: refuse pictures with more pixels than this before they are decoded; `None` for Pillow's own limit.
        timeout: seconds to wait for a URL.

    Returns:
        An RGB PIL image: first frame, EXIF orientation applied, transparency over white, 16 bits scaled to 8.

    Raises:
        UnreadableImageError: if it cannot be read or shown.
    """
    if isinstance(source, Image.Image):
        return to_rgb(source)
    if isinstance(source, (np.ndarray, torch.Tensor)):
        return to_rgb(_from_array(np.asarray(source.detach().cpu() if isinstance(source, torch.Tensor) else source)))
    if not isinstance(source, (str, Path)):
        raise UnreadableImageError(
            f"a picture is a path, URL, PIL image, array or tensor, not {type(source).__name__}."
        )
    try:
        url = str(source).startswith(("http://", "https://"))
        file = _fetch(str(source), timeout) if url else Path(source)
        with Image.open(file) as image:
            if image.format == "EPS":
                raise UnreadableImageError(f"{source}: an EPS file is a program, which is not run: convert it first.")
            if max_pixels is not None and image.width * image.height > max_pixels:
                raise UnreadableImageError(
                    f"{source}: {image.width} × {image.height} is {image.width * image.height / 1e6:.0f} megapixels, "
                    f"above the limit of {max_pixels / 1e6:.0f}; raise it with --max-pixels."
                )
            return to_rgb(image)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"{source}: {_not_a_picture(source)}") from error
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{source}: no such file.") from error
    except PermissionError as error:
        raise UnreadableImageError(f"{source}: permission denied.") from error
    except IsADirectoryError as error:
        raise UnreadableImageError(f"{source}: is a folder, not a picture.") from error
    except _DECODING_ERRORS as error:
        raise UnreadableImageError(f"{source}: cannot be decoded: {error}.") from error


def _fetch(url: str, timeout: float) -> io.BytesIO:
    """The content behind an http(s) address."""
    request = urllib.request.Request(url, headers={"User-Agent": "modeling-rali"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return io.BytesIO(response.read())
    except (OSError, http.client.HTTPException) as error:
        raise UnreadableImageError(f"{url}: cannot be fetched: {error}.") from error


def _not_a_picture(source: str | Path) -> str:
    if Path(source).is_file() and Path(source).stat().st_size == 0:
        return "the file is empty."
    return "not a picture in a format that Pillow reads."


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a PIL image of any mode to RGB as a viewer shows it.

    EXIF orientation is applied, transparency is laid over white, and 16-bit grey is scaled to 8 bits.

    Raises:
        UnreadableImageError: for pixel types without a defined white: 32-bit floats, and integers beyond 16 bits.
    """
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    if image.mode in _SIXTEEN_BIT_MODES:
        image = _from_array(np.asarray(image))
    elif image.mode == "F":
        raise UnreadableImageError("32-bit float pixels have no defined white: convert the picture to 8 or 16 bits.")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _from_array(array: np.ndarray) -> Image.Image:
    """An array of pixels (see `read_image`) → PIL image of 8 bits a channel."""
    if array.ndim == 3 and array.shape[-1] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4))) or array.size == 0:
        raise UnreadableImageError(
            f"an array of shape {array.shape} is not a picture: give (H, W), (H, W, C) or (C, H, W) with C of 1, 3 or 4."
        )
    if array.dtype != np.uint8:
        white = 1.0 if np.issubdtype(array.dtype, np.floating) else 65535
        if not (np.min(array) >= 0 and np.max(array) <= white):  # the negated form refuses NaN too
            raise UnreadableImageError(
                f"pixels of type {array.dtype} run from {np.min(array)} to {np.max(array)}: they must lie in [0, {white}]."
            )
        array = np.round(array.astype(np.float64) * (255 / white)).astype(np.uint8)
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


class RaliImageProcessor(BaseImageProcessor):
    """Brings pictures to the pixels that a RALI model sees: `pixel_values` (B, 3, H, W), normalised.

    Args:
        resize: `"short_edge"`: the short side to `size` and a centre crop of `size` × `size`, as CLIP does;
            `"stretch"`: the whole picture to `size` × `size`; `"area"`: the whole picture, its aspect ratio kept, to
            about `size`² pixels with both sides multiples of `multiple`.
        size: pixels, see `resize`.
        multiple: step of the sides under `"area"`. A coarse step brings pictures of like shapes to the same size, so that
            they can share a batch.
        image_mean: per-channel mean of RGB in [0, 1].
        image_std: per-channel standard deviation of RGB in [0, 1].

    Resampling is bicubic with antialiasing. Raises ValueError on settings that cannot be.
    """

    model_input_names = ("pixel_values",)

    def __init__(
        self,
        resize: Resize = "short_edge",
        size: int = 336,
        multiple: int = 1,
        image_mean: Sequence[float] = CLIP_MEAN,
        image_std: Sequence[float] = CLIP_STD,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if resize not in ("short_edge", "stretch", "area"):
            raise ValueError(f'resize is "{resize}": it must be "short_edge", "stretch" or "area".')
        if not 1 <= multiple <= size:
            raise ValueError(f"size is {size} and multiple {multiple}: 1 ≤ multiple ≤ size must hold.")
        if len(image_mean) != 3 or len(image_std) != 3 or not all(std > 0 for std in image_std):
            raise ValueError(f"image_mean {image_mean} and image_std {image_std} must be three numbers each, std > 0.")
        self.resize = resize
        self.size = size
        self.multiple = multiple
        self.image_mean = list(image_mean)
        self.image_std = list(image_std)

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture of `height` × `width` pixels is resized to, before any crop."""
        if self.resize == "stretch":
            return self.size, self.size
        if self.resize == "short_edge":
            short = min(height, width)
            return int(self.size * height / short), int(self.size * width / short)
        most = max(self.size**2 // self.multiple // self.multiple, 1)  # steps of the long side of the thinnest picture

        def steps(side: int, other: int) -> int:
            return min(max(round(self.size * math.sqrt(side / other) / self.multiple), 1), most)

        return steps(height, width) * self.multiple, steps(width, height) * self.multiple

    def _crop(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, height, width) of what the model sees of a resized picture."""
        if self.resize != "short_edge":
            return 0, 0, height, width
        return (height - self.size) // 2, (width - self.size) // 2, self.size, self.size

    def pixels(self, image: Image.Image) -> torch.Tensor:
        """The normalised pixels (3, H, W) of one RGB PIL image, float32."""
        height, width = self.resized_size(image.height, image.width)
        if (height, width) != (image.height, image.width):
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        top, left, height, width = self._crop(height, width)
        array = np.array(image)[top : top + height, left : left + width]
        return self._normalize(torch.from_numpy(array).permute(2, 0, 1).to(torch.float32) / 255)

    def pixels_from_tensor(self, images: torch.Tensor) -> torch.Tensor:
        """The differentiable twin of `pixels`: images (B, 3, H, W) in [0, 1] → normalised pixels (B, 3, H', W').

        It keeps gradients, dtype and device. It differs from `pixels` by the rounding to 8 bits there.

        Raises:
            ValueError: if the shape is not (B, 3, H, W) or the type not floating point.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images are {tuple(images.shape)} of {images.dtype}: give floats in [0, 1] of shape (B, 3, H, W)."
            )
        size = self.resized_size(*images.shape[-2:])
        if size != tuple(images.shape[-2:]):
            # A convolution with negative lobes overshoots: clamp as an 8-bit picture would
            images = F.interpolate(images, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        top, left, height, width = self._crop(*size)
        return self._normalize(images[..., top : top + height, left : left + width])

    def _normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """RGB in [0, 1], (…, 3, H, W) → normalised, as a contiguous tensor."""
        mean = torch.tensor(self.image_mean, dtype=pixels.dtype, device=pixels.device).view(3, 1, 1)
        std = torch.tensor(self.image_std, dtype=pixels.dtype, device=pixels.device).view(3, 1, 1)
        return ((pixels - mean) / std).contiguous()

    def preprocess(self, images: Any, return_tensors: str | None = None, **kwargs: Any) -> BatchFeature:
        """Pictures → `pixel_values`.

        Args:
            images: one picture or a list of them, each anything that `read_image` takes; or a batch (B, H, W, C) or
                (B, C, H, W).
            return_tensors: `"pt"` or `"np"` for one batch (B, 3, H, W), which needs pictures that come out at one size;
                `None` for a list of (3, H, W).

        Raises:
            UnreadableImageError: for a picture that cannot be shown.
            ValueError: for unknown arguments, or if a batch is asked for and the pictures come out at different sizes.
        """
        if kwargs:
            raise ValueError(f"unknown arguments {sorted(kwargs)}: the processor's settings belong to the checkpoint.")
        several = isinstance(images, (list, tuple)) or (
            isinstance(images, (np.ndarray, torch.Tensor)) and images.ndim == 4
        )
        pictures = list(images) if several else [images]
        pixel_values = [self.pixels(read_image(picture)) for picture in pictures]
        sizes = {tuple(pixels.shape[-2:]) for pixels in pixel_values}
        if return_tensors is not None and len(sizes) > 1:
            raise ValueError(
                f"the pictures come out at different sizes, {sorted(sizes)}, which cannot share a batch without changing "
                'one another\'s scores: pass them one at a time, or use pipeline("image-quality"), which groups by size.'
            )
        data = torch.stack(pixel_values) if return_tensors is not None else pixel_values
        return BatchFeature({"pixel_values": data}, tensor_type=return_tensors)

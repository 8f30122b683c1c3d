"""Drawing where a picture's score comes from."""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont

from ..mapping_rali import WINDOW_SHARE
from ..modeling_rali import RaliModel

# From dark red over pale yellow to dark blue: rising or falling in lightness on either side of the middle, and told apart by
# people who do not tell red from green
_STOPS = np.array([(103, 0, 31), (214, 96, 77), (253, 219, 160), (146, 197, 222), (5, 48, 97)], dtype=np.float64)
_OPACITY = 0.55
_LONGEST = 1280  # pixels of the drawn picture's long side
_NARROWEST = 0.2  # of the score range: what the colours span at least, so that a uniform picture looks uniform


def draw_map(model: RaliModel, image: Image.Image, longest: int = _LONGEST, legend: bool = True) -> Image.Image:
    """The picture in grey under the colours of the scores of its parts.

    Args:
        model: in evaluation mode.
        image: RGB.
        longest: pixels of the long side of what is drawn; a smaller picture stays as it is.
        legend: add a strip below with the colours' scores.

    Raises:
        ValueError: for a model that gives no maps (see `RaliModel.score_map`).
    """
    with torch.inference_mode():
        scores = model.score_map(model.image_processor.pixels(image)).float().cpu().numpy()
    windows = model.config.pooling == "stage_statistics"
    canvas = _seen(model, image)
    canvas.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    low, high = _span(scores, model.config.score_range)
    fine = _enlarged(scores, canvas.height, canvas.width, WINDOW_SHARE if windows else 0.0)
    colours = _colours((fine - low) / (high - low))
    grey = np.asarray(canvas.convert("L"), dtype=np.float64)[..., None]
    drawn = Image.fromarray(np.round((1 - _OPACITY) * grey + _OPACITY * colours).astype(np.uint8))
    return _with_legend(drawn, low, high) if legend else drawn


def _seen(model: RaliModel, image: Image.Image) -> Image.Image:
    """What the model sees of a picture: all of it, or the centre of one whose short edge is resized."""
    if model.image_processor.resize != "short_edge":
        return image.copy()
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _span(scores: npt.NDArray[np.floating], score_range: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest score of the colours: those of the map, apart by a fifth of the range at least."""
    low, high = float(scores.min()), float(scores.max())
    lacking = max(_NARROWEST * (score_range[1] - score_range[0]) - (high - low), 0.0)
    return low - lacking / 2, high + lacking / 2


def _enlarged(scores: npt.NDArray[np.floating], height: int, width: int, share: float) -> npt.NDArray[np.float64]:
    """Scores (h, w) of parts, interpolated to (height, width) pixels.

    Args:
        share: side of a part as a share of the picture's, where the first and last part touch the edges; 0 for patches that
            lie side by side.
    """
    for axis, side in enumerate((height, width)):
        steps = scores.shape[axis]
        part = share or 1 / steps
        centres = np.linspace(part / 2, 1 - part / 2, steps)
        places = (np.arange(side) + 0.5) / side
        lines = [np.interp(places, centres, line) for line in np.moveaxis(scores, axis, -1)]
        scores = np.moveaxis(np.array(lines), -1, axis)
    return np.asarray(scores, dtype=np.float64)


def _colours(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(…,) in 0–1 → RGB (…, 3) in 0–255."""
    places = np.linspace(0, 1, len(_STOPS))
    return np.stack([np.interp(share, places, _STOPS[:, channel]) for channel in range(3)], axis=-1)


def _with_legend(drawn: Image.Image, low: float, high: float) -> Image.Image:
    """The picture over a strip of the colours with scores at its ends and middle."""
    size = max(drawn.width // 40, 11)
    font = ImageFont.load_default(size)
    margin, bar = size, size
    whole = Image.new("RGB", (drawn.width, drawn.height + bar + size + 3 * margin), "white")
    whole.paste(drawn, (0, 0))
    top, length = drawn.height + margin, max(drawn.width - 2 * margin, 2)
    strip = np.broadcast_to(_colours(np.linspace(0, 1, length)), (bar, length, 3))
    whole.paste(Image.fromarray(np.round(strip).astype(np.uint8)), (margin, top))
    pen = ImageDraw.Draw(whole)
    labels = (("l", 0.0, f"{low:.1f} worse"), ("m", 0.5, f"{(low + high) / 2:.1f}"), ("r", 1.0, f"better {high:.1f}"))
    for anchor, share, text in labels:
        pen.text((margin + share * length, top + bar + margin // 2), text, "black", font, anchor=f"{anchor}a")
    return whole

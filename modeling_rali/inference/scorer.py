"""Many pictures → scores: threads read ahead while the model scores."""

import itertools
import math
import os
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from ..image_processing_rali import Picture, RaliImageProcessor, UnreadableImageError, read_image
from ..modeling_rali import RaliModel
from ..scoring import quality_label, remark
from .finding import find_pictures
from .loading import load_model
from .text_bank import TextBank

MAX_PIXELS = 178_956_970
"""Pixels of the largest picture that is decoded unless told otherwise: where Pillow, too, refuses."""

READERS = min(os.cpu_count() or 1, 16)
"""Threads that read pictures. More would mostly hold more large pictures in memory at a time."""


@dataclass(frozen=True)
class Result:
    """What became of one picture: a score and its label, or an error.

    Args:
        path: the picture, as the user named it.
        score: on the model's `score_range`, higher is better.
        label: the grade of the score on the ACR scale, "bad" … "excellent".
        error: why there is no score.
        explanation: why the score is what it is, in a few words, where that was asked for.
    """

    path: str
    score: float | None = None
    label: str | None = None
    error: str | None = None
    explanation: str | None = None


def score_files(
    paths: Iterable[str | os.PathLike[str]],
    model: RaliModel | str | os.PathLike[str] | None = None,
    *,
    batch_size: int | None = None,
    device: str = "auto",
    dtype: str = "auto",
    max_pixels: int = MAX_PIXELS,
    explain: bool = False,
    text_bank: TextBank | None = None,
) -> Generator[Result]:
    """Score the pictures that paths of files and folders stand for (see `find_pictures`).

    Args:
        paths: files and folders.
        model: a loaded model, used as it is, where it is; or a checkpoint with `device` and `dtype`, see `load_model`.
        batch_size: see `score_rows`.
        max_pixels, explain, text_bank: see `score_rows`.

    Yields:
        A result for each picture, in order.

    Raises:
        ModelLoadError: if the checkpoint cannot be loaded.
        ValueError: for a device that is not there, and see `score_rows`.
    """
    if not isinstance(model, RaliModel):
        model = load_model(model, device=device, dtype=dtype, fused=True)
    rows = find_pictures(paths)
    return score_rows(model, rows, batch_size=batch_size, max_pixels=max_pixels, explain=explain, text_bank=text_bank)


def score_rows(
    model: RaliModel,
    rows: Iterable[tuple[str, Picture | UnreadableImageError]],
    *,
    batch_size: int | None = None,
    max_pixels: int = MAX_PIXELS,
    explain: bool = False,
    text_bank: TextBank | None = None,
) -> Generator[Result]:
    """Score rows of (name, picture), in constant memory however many there are.

    Args:
        model: it is put in evaluation mode.
        rows: the name is the result's `path`; the picture is anything `read_image` takes, or an error already met.
        batch_size: most pictures in one forward pass; only pictures of one size share one. `None` for
            `default_batch_size`.
        max_pixels: pictures with more pixels than this get an error before they are decoded. While the results are being
            drawn, this limit stands in for Pillow's own, for the whole process.
        explain: give results an `explanation` in the model's quality terms.
        text_bank: texts of which the nearest joins the explanation.

    Yields:
        A result for each row, in order. A picture that cannot be read, or for which the model gives no finite score, has
        an error in its place.

    Raises:
        ValueError: for `explain` with a model that has no quality terms, or a text bank of another model.
    """
    batch_size = batch_size or default_batch_size(model.device)
    model.eval()
    processor = model.image_processor
    remaining = iter(rows)
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="rali-reader")

    def read_ahead(count: int) -> Iterator[tuple[str, Future[torch.Tensor | str]]]:
        for name, source in itertools.islice(remaining, count):
            yield name, pool.submit(_read, source, processor, max_pixels)

    with pillow_limit(max_pixels):
        try:
            ahead = deque(read_ahead(batch_size + max(batch_size, 2 * READERS)))
            while ahead:
                window = [ahead.popleft() for _ in range(min(batch_size, len(ahead)))]
                ahead.extend(read_ahead(len(window)))
                read = [(name, future.result()) for name, future in window]
                pictures = [pixels for _, pixels in read if isinstance(pixels, torch.Tensor)]
                scored = _explained(model, pictures, text_bank) if explain else _scores(model, pictures)
                yield from _results(model, read, iter(scored))
        finally:
            pool.shutdown(cancel_futures=True)


def default_batch_size(device: torch.device) -> int:
    """Pictures a forward pass where the user does not say: 1 on a CPU, 32 on an accelerator.

    On a CPU a vision transformer takes the same time for each picture whatever the batch, and a convolutional tower less
    than half of it alone than in a batch of 8: its activations then stay in memory that is already mapped.
    """
    return 1 if device.type == "cpu" else 32


def _read(source: Picture | UnreadableImageError, processor: RaliImageProcessor, max_pixels: int) -> torch.Tensor | str:
    """A picture → the pixels the model sees (3, H, W), or why there are none."""
    try:
        if isinstance(source, UnreadableImageError):
            raise source
        image = read_image(source, max_pixels=max_pixels)
        height, width = processor.resized_size(image.height, image.width)
        if height * width > max_pixels:  # a line of pixels, its short edge enlarged
            return f"{image.width} × {image.height} pixels are too thin: they would be resized to {width} × {height}."
        return processor.pixels(image)
    except UnreadableImageError as error:
        return why_unreadable(error, str(source), max_pixels)
    except MemoryError:
        return "not enough memory to decode it."


def why_unreadable(error: UnreadableImageError, source: str, max_pixels: int) -> str:
    """The error without the name of the picture, which its row has, and with the option where Pillow's limit was met."""
    if isinstance(error.__cause__, Image.DecompressionBombError):
        return f"more than the limit of {max_pixels / 1e6:.0f} megapixels; raise it with --max-pixels."
    return str(error).removeprefix(f"{source}: ")


def _results(
    model: RaliModel, window: list[tuple[str, torch.Tensor | str]], scored: Iterator[tuple[float, str | None]]
) -> Iterator[Result]:
    """Results of named pixels or errors, in order; `scored` has the score and explanation of each that is pixels."""
    score_range = model.config.score_range
    for name, pixels in window:
        if isinstance(pixels, str):
            yield Result(name, error=pixels)
            continue
        score, explanation = next(scored)
        if math.isfinite(score):
            yield Result(name, score, quality_label(score, score_range), explanation=explanation)
        else:
            yield Result(name, error=f"the model's score is {score} in {model.dtype}: try another dtype.")


def check_same_model(model: RaliModel, results: Iterable[Result], max_pixels: int = MAX_PIXELS) -> None:
    """Score the first few pictures of earlier results once more, to see that `model` is the one that made them.

    Raises:
        ValueError: if a score differs by more than 2 % of the score range, which is more than devices and dtypes do.
    """
    scored = ((r.path, r.score) for r in results if r.score is not None and Path(r.path).exists())
    earlier = list(itertools.islice(scored, 3))
    low, high = model.config.score_range
    again = score_rows(model, [(path, path) for path, _ in earlier], max_pixels=max_pixels)
    for (path, before), result in zip(earlier, again, strict=True):
        if result.score is not None and abs(result.score - before) > 0.02 * (high - low):
            raise ValueError(
                f"{path} has {before:.2f} among the earlier results, but this model gives it {result.score:.2f}: go on with "
                "the model that made them; or give another --output, if it is the picture that has changed."
            )


@torch.inference_mode()
def _scores(model: RaliModel, pictures: list[torch.Tensor]) -> list[tuple[float, str | None]]:
    return [(score, None) for score in model.score_pictures(pictures).tolist()]


@torch.inference_mode()
def _explained(
    model: RaliModel, pictures: list[torch.Tensor], text_bank: TextBank | None
) -> list[tuple[float, str | None]]:
    explained: list[tuple[float, str | None]] = []
    for score, terms, embed in model.explain(pictures):
        text = remark(terms)
        if text_bank is not None:
            text = f'{text}; like "{text_bank.nearest(model.text_embeds(embed))}"'
        explained.append((score, text))
    return explained


@contextmanager
def pillow_limit(max_pixels: int) -> Iterator[None]:
    """Let Pillow refuse pictures, those inside icon files too, above `max_pixels`, without its warning at half of that."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = -(-max_pixels // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit

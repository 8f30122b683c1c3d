"""Two measures that a model has to beat, evaluated on the same pictures: the Laplacian's variance, and BRISQUE."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from ..image_processing_rali import UnreadableImageError, read_image
from ..inference import ModelLoadError, Result
from ..inference.scorer import READERS, pillow_limit, why_unreadable

Baseline = Callable[[Image.Image], float]
"""A picture → its score; higher is better, and the scale is the baseline's own."""


def laplacian(image: Image.Image) -> float:
    """Variance of the Laplacian of the grey picture (0–255) at the size it is: how much fine detail there is.

    Pech-Pacheco et al.: Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    return float(ndimage.laplace(grey).var(dtype=np.float64))


def load_brisque() -> Baseline:
    """BRISQUE as the PyPI package `brisque` has it, negated so that higher is better.

    Mittal, Moorthy, Bovik: No-Reference Image Quality Assessment in the Spatial Domain, IEEE TIP 21(12), 2012.

    Raises:
        ModelLoadError: if the package, or the OpenCV it needs, is not installed.
    """
    try:
        from brisque import BRISQUE
    except ImportError as error:
        raise ModelLoadError(
            'brisque: its package is not installed whole: pip install "brisque[opencv-python-headless]".'
        ) from error

    class Brisque(BRISQUE):
        def scale_features(self, features: Iterable[Any]) -> Any:
            # Some are arrays of one number, which numpy 2 no longer takes for that number
            return super().scale_features([np.asarray(feature).item() for feature in features])

    model = Brisque()

    def brisque(image: Image.Image) -> float:
        if min(image.size) < 2:  # the package halves the picture
            raise UnreadableImageError(f"{image.width} × {image.height} pixels are too few for BRISQUE.")
        with np.errstate(all="ignore"):  # a flat picture has no features: its score is nan
            return -float(model.score(np.asarray(image)))

    return brisque


def score_with(baseline: Baseline, rows: Iterable[tuple[str, str]], max_pixels: int) -> Generator[Result]:
    """Score rows of (name, path) by a baseline, as `inference.score_rows` does by a model.

    Threads read and score, a few pictures ahead of what is drawn. The results have no label, as a baseline has no range.
    """
    remaining = iter(rows)
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="rali-baseline")

    def ahead(count: int) -> Iterator[Future[Result]]:
        for name, path in islice(remaining, count):
            yield pool.submit(_score, baseline, name, path, max_pixels)

    with pillow_limit(max_pixels):
        try:
            futures = deque(ahead(2 * READERS))
            while futures:
                result = futures.popleft().result()
                futures.extend(ahead(1))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)


def _score(baseline: Baseline, name: str, path: str, max_pixels: int) -> Result:
    try:
        score = baseline(read_image(path, max_pixels=max_pixels))
    except UnreadableImageError as error:
        return Result(name, error=why_unreadable(error, path, max_pixels))
    except MemoryError:
        return Result(name, error="not enough memory to score it.")
    return Result(name, score) if isfinite(score) else Result(name, error=f"the score is {score}.")

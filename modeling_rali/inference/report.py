"""A report of results: one HTML page that holds all it shows."""

import base64
import io
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from ..image_processing_rali import UnreadableImageError, read_image
from ..modeling_rali import RaliModel
from ..scoring import ACR_LABELS
from .finding import written_name
from .maps import draw_map
from .scorer import READERS, Result, pillow_limit

MOST_SHOWN = 500
"""Pictures a report shows at most: about 8 MB of page."""

_THUMBNAIL_SIDE = 288  # pixels of the long side
_BARS_A_GRADE = 8


def render_report(
    results: Sequence[Result],
    score_range: tuple[float, float],
    facts: Mapping[str, str],
    max_pixels: int,
    mapping: RaliModel | None = None,
) -> str:
    """The page: a histogram of the scores, the pictures in order of score, the errors, and `facts` about the run.

    Args:
        results: in any order. Of more than `MOST_SHOWN` scored pictures as many are shown, evenly over the ranking.
        score_range: the model's lowest and highest score.
        facts: what the reader should know about model and settings, by name.
        max_pixels: limit of `score_rows`, for reading the pictures once more.
        mapping: a model to draw maps of the shown pictures with, which takes as long as scoring them once more.

    Raises:
        ValueError: if `mapping` gives no maps (see `RaliModel.score_map`).
    """
    ranked = sorted(
        ((result.score, result) for result in results if result.score is not None),
        key=lambda scored: (-scored[0], scored[1].path),
    )
    shown: list[int] = np.linspace(0, len(ranked) - 1, min(len(ranked), MOST_SHOWN)).round().astype(int).tolist()
    with pillow_limit(max_pixels), ThreadPoolExecutor(READERS) as pool:
        thumbnails = list(
            pool.map(partial(_thumbnail, max_pixels=max_pixels), (ranked[index][1].path for index in shown))
        )
        maps = [_map(ranked[index][1].path, mapping, max_pixels) for index in shown]
    cards = [
        _card(index + 1, *ranked[index], thumbnail, score_map, score_range)
        for index, thumbnail, score_map in zip(shown, thumbnails, maps, strict=True)
    ]
    scores = [score for score, _ in ranked]
    failed = [result for result in results if result.error is not None]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        scored=len(scores),
        shown=len(cards),
        mapped=any(maps),
        mean=statistics.fmean(scores) if scores else None,
        median=statistics.median(scores) if scores else None,
        best=max(scores, default=None),
        worst=min(scores, default=None),
        score_range=score_range,
        grades=_grades(ranked, cards, score_range),
        failed=[{"path": written_name(result.path), "error": result.error} for result in failed],
        facts=facts,
    )


def _grades(
    ranked: Sequence[tuple[float, Result]], cards: Sequence[dict[str, Any]], score_range: tuple[float, float]
) -> list[dict[str, Any]]:
    """The five grades, worst first, each with its bars of the histogram and its cards."""
    edges = np.linspace(*score_range, len(ACR_LABELS) * _BARS_A_GRADE + 1)
    counts, _ = np.histogram(np.clip([score for score, _ in ranked], *score_range), edges)
    bars = [
        {"low": low, "high": high, "count": count}
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    return [
        {
            "name": name,
            "count": sum(result.label == name for _, result in ranked),
            "bars": bars[grade * _BARS_A_GRADE : (grade + 1) * _BARS_A_GRADE],
            "cards": [card for card in cards if card["label"] == name],
        }
        for grade, name in enumerate(ACR_LABELS)
    ]


def _card(
    rank: int,
    score: float,
    result: Result,
    thumbnail: str | None,
    score_map: str | None,
    score_range: tuple[float, float],
) -> dict[str, Any]:
    path = PurePath(written_name(result.path))
    return {
        "rank": rank,
        "name": path.name,
        "folder": "" if path.parent == PurePath() else str(path.parent),
        "score": score,
        "percent": float(np.interp(score, score_range, (0, 100))),
        "label": result.label,
        "explanation": result.explanation,
        "thumbnail": thumbnail,
        "map": score_map,
    }


def _thumbnail(path: str, max_pixels: int) -> str | None:
    """A small JPEG of the picture as a data URI; `None` if it can no longer be read."""
    try:
        image = read_image(path, max_pixels=max_pixels)
    except UnreadableImageError:
        return None
    image.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return _data_uri(image)


def _map(path: str, model: RaliModel | None, max_pixels: int) -> str | None:
    """The map of a picture as a data URI; `None` without a model, or if the picture can no longer be read."""
    if model is None:
        return None
    try:
        image = read_image(path, max_pixels=max_pixels)
    except UnreadableImageError:
        return None
    return _data_uri(draw_map(model, image, _THUMBNAIL_SIDE, legend=False))


def _data_uri(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=76, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()

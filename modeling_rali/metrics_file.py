"""The metrics JSON: what `rali evaluate` writes, and tables and cards are made from."""

import json
from pathlib import Path
from typing import Any

from .replacing import replacing

_NEEDED = (
    *("dataset", "title", "split", "model", "trained_on", "n", "n_failed", "n_published", "notes"),
    *("srcc", "srcc_ci95", "plcc", "plcc_logistic", "krcc", "rmse_logistic", "within_group"),
)


def predictions_folder(output: Path) -> Path:
    """Where the predictions behind a metrics JSON are kept: `metrics.predictions/` beside `metrics.json`."""
    return output.with_name(f"{output.stem}.predictions")


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Write the JSON, whole or not at all."""
    with replacing(path) as file:
        file.write(json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics JSON, of one model or several.

    Raises:
        ValueError: if it is not one; the message names the file.
        OSError: if there is no such file.
    """
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}.") from error
    results = metrics.get("results") if isinstance(metrics, dict) else None
    if not isinstance(results, list) or not results:
        raise ValueError(f'{path}: has no "results": give what `rali evaluate --output {path.name}` writes.')
    for index, result in enumerate(results):
        lacking = sorted(set(_NEEDED) - set(result)) if isinstance(result, dict) else sorted(_NEEDED)
        if lacking:
            raise ValueError(f"{path}: result {index} lacks {', '.join(lacking)}: make it anew with `rali evaluate`.")
    return metrics

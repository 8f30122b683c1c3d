"""Predictions, one row a picture, and their files: a killed evaluation loses none, and a half-written file is never read."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from ..inference import Result, ResultsFile, read_results
from ..replacing import replacing
from .figures import GROUP_COLUMNS
from .scorers import Scorer
from .sets import EvaluationSet

_KEY = b"rali_evaluation"  # of the Parquet file's metadata


def predictions_table(evaluation_set: EvaluationSet, results: Mapping[str, Result]) -> pa.Table:
    """A row for each picture of the set, those that are missing last.

    Args:
        evaluation_set: the set.
        results: by the picture's id; each picture of the set must have one.

    Returns:
        image_id; mos, on the owners' scale; quality, in [0, 1], higher is better; group; those of `GROUP_COLUMNS` that the
        set has; score, or null with the reason in error.
    """
    groups = ("group", *(name for name in GROUP_COLUMNS if name in evaluation_set.columns))
    rows = [(record, quality, results[record.image]) for record, _, quality in evaluation_set.pictures]
    rows += [
        (record, quality, Result(record.image, error="the picture is missing."))
        for record, quality in evaluation_set.missing
    ]
    schema = pa.schema(
        [
            ("image_id", pa.string()),
            ("mos", pa.float64()),
            ("quality", pa.float64()),
            *((name, pa.string()) for name in groups),
            ("score", pa.float64()),
            ("error", pa.string()),
        ]
    )
    return pa.Table.from_pylist(
        [
            {
                "image_id": record.image,
                "mos": record.mos,
                "quality": quality,
                **{name: getattr(record, name) for name in groups},
                "score": result.score,
                "error": result.error,
            }
            for record, quality, result in rows
        ],
        schema,
    )


class PredictionsFile:
    """The predictions of one scorer on one set: a Parquet file, and journals beside it while it is in the making.

    Args:
        folder: where.
        evaluation_set: the set.
        scorer: the scorer. Scores of another one, of another set or from another folder are never taken for its own.
    """

    def __init__(self, folder: Path, evaluation_set: EvaluationSet, scorer: Scorer) -> None:
        parts = (evaluation_set.dataset, evaluation_set.split, scorer.name)
        self.path = folder / ("-".join(re.sub(r"[^\w.]+", "-", part).strip("-") for part in parts) + ".parquet")
        self.key = _digest(*parts, str(evaluation_set.data_dir), scorer.fingerprint)

    def journal(self, process: int) -> ResultsFile:
        """Where the process of that index writes each result at once."""
        return ResultsFile(self.path.with_name(f"{self.path.stem}.{self.key}.{process}.jsonl"), resume=True)

    def earlier(self) -> dict[str, Result]:
        """The scores there are already, by the picture's id.

        Raises:
            ValueError: for files of another scorer, set or folder, and for damaged ones.
        """
        journals = list(self._journals())
        if self.path.exists():
            self._check(self.path, _key_of(self.path))
        for path, key in journals:
            self._check(path, key)
        kept = [] if not self.path.exists() else _scores_in(self.path)
        kept += [result for path, _ in journals for result in read_results(path) if result.error is None]
        return {result.path: result for result in kept}

    def write(self, predictions: pa.Table) -> None:
        """Write the Parquet file, whole or not at all; the journals are then of no more use and go."""
        with replacing(self.path) as file:
            parquet.write_table(predictions.replace_schema_metadata({_KEY: self.key}), file)
        for path, _ in list(self._journals()):
            path.unlink()

    def _journals(self) -> Iterator[tuple[Path, str]]:
        for path in sorted(self.path.parent.glob("*.jsonl")):
            if parts := re.fullmatch(rf"{re.escape(self.path.stem)}\.([0-9a-f]{{16}})\.\d+\.jsonl", path.name):
                yield path, parts[1]

    def _check(self, path: Path, key: str) -> None:
        if key != self.key:
            raise ValueError(
                f"{path} holds scores of other weights, another folder or another number type: delete it, or give another "
                "--output."
            )


def _key_of(path: Path) -> str:
    try:
        return (parquet.read_schema(path).metadata or {}).get(_KEY, b"").decode()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: is not a Parquet file, or damaged: {error}. Delete it.") from error


def _scores_in(path: Path) -> list[Result]:
    rows = parquet.read_table(path, columns=["image_id", "score"]).to_pylist()
    return [Result(row["image_id"], row["score"]) for row in rows if row["score"] is not None]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

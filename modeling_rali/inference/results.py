"""Files of results: written row by row, so that a killed run loses nothing and can go on."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from pyarrow import parquet

from ..replacing import replacing
from .finding import place_of, written_name
from .scorer import Result

EXPLAINED = tuple(field.name for field in dataclasses.fields(Result))
COLUMNS = EXPLAINED[:-1]
_PARQUET_GROUP = 10_000  # rows


class ResultsFile:
    """A CSV, JSONL or Parquet file that results are added to, each at once and whole.

        with ResultsFile(Path("scores.csv"), resume=True) as file:
            for result in score_rows(model, ((name, picture) for name, picture in rows if name not in file)):
                file.write(result)

    CSV (RFC 4180) and JSONL grow row by row. Parquet cannot: its rows go to the JSONL file `journal` beside it, which
    becomes the Parquet file when the block ends without an exception, and stays where it does not.

    Args:
        path: its suffix, .csv, .jsonl or .parquet, says the format.
        resume: go on with the file if it is there: keep its rows, but for a last one that is torn, and but for those with
            an error, which are to be tried again.
        explained: results have an explanation, and the file a column for it.

    Raises:
        FileExistsError: without `resume`, if there already are results.
        ValueError: for another suffix, or with `resume` if the file's content is not such results.
        OSError: if the file cannot be written; rows written before are kept.
    """

    def __init__(self, path: Path, resume: bool = False, explained: bool = False) -> None:
        if path.suffix not in _READERS:
            raise ValueError(f"{path}: results go to a file named {', '.join(f'*{suffix}' for suffix in _READERS)}.")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"{path.parent}: no such folder; make it first.")
        self.path = path
        self.columns = EXPLAINED if explained else COLUMNS
        self.journal = path.with_name(f"{path.name}.unfinished.jsonl") if path.suffix == ".parquet" else path
        self._earlier = next((file for file in (self.journal, self.path) if file.exists()), None)
        if self._earlier and not resume:
            raise FileExistsError(
                f"{self._earlier} exists: go on with it with --resume, or delete it to score everything anew."
            )
        self._encode = _csv_line if self.journal.suffix == ".csv" else _json_line
        self._places = {place_of(result.path) for result in self.earlier()}

    def earlier(self) -> Iterator[Result]:
        """The results that a resumed file keeps, each picture once."""
        seen = set()
        for result in read_results(self._earlier, self.columns) if self._earlier else ():
            if result.error is None and (place := place_of(result.path)) not in seen:
                seen.add(place)
                yield result

    def __enter__(self) -> Self:
        with replacing(self.journal) as file:
            if self.journal.suffix == ".csv":
                file.write(_csv_record(self.columns))
            file.writelines(self._encode(self._row(result)) for result in self.earlier())
        self._file = self.journal.open("ab", buffering=0)
        return self

    def __contains__(self, path: str) -> bool:
        """Whether the picture at `path`, however spelt, has its row."""
        return place_of(path) in self._places

    def write(self, result: Result) -> None:
        """Add a result; when this returns, no end of the process can lose it."""
        row = self._encode(self._row(result))
        end = self._file.tell()
        try:
            while row:
                row = row[self._file.write(row) :]
        except BaseException:  # also an interrupt
            self._file.truncate(end)
            raise
        self._places.add(place_of(result.path))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None and self.journal != self.path:
            schema = pa.schema([(name, pa.float64() if name == "score" else pa.string()) for name in self.columns])
            with replacing(self.path) as file, parquet.ParquetWriter(file, schema) as writer:
                results = read_results(self.journal, self.columns)
                while rows := [self._row(result) for result in islice(results, _PARQUET_GROUP)]:
                    writer.write_table(pa.Table.from_pylist(rows, schema))
            self.journal.unlink()

    def _row(self, result: Result) -> dict[str, Any]:
        row = {name: getattr(result, name) for name in self.columns}
        return {**row, "path": written_name(result.path), "score": result.score and round(result.score, 6)}


def read_results(path: Path, columns: tuple[str, ...] = COLUMNS) -> Iterator[Result]:
    """The results in a file that `ResultsFile` wrote with these columns, but for a last row that a killed run left torn.

    Raises:
        ValueError: if the file's content is anything else.
    """
    try:
        for row in _READERS[path.suffix](path):
            if row.keys() != set(columns):
                raise ValueError(f"its columns are {', '.join(map(str, row))}")
            score = row["score"]
            yield Result(**{**row, "score": None if score is None else float(score)})
    except (ValueError, TypeError, AttributeError, csv.Error, pa.ArrowInvalid) as error:
        raise ValueError(
            f"{path}: not results with the columns {', '.join(columns)}, or damaged: {error}. Give another --output."
        ) from error


def _json_line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _csv_line(row: dict[str, Any]) -> bytes:
    return _csv_record(row.values())


def _csv_record(values: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode()


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    header = None
    for record in _csv_records(path):
        if header is None:
            header = record
        elif len(record) != len(header):
            raise ValueError(f"a row of {len(record)} values: {record}")
        else:
            yield dict(zip(header, (value or None for value in record), strict=True))


def _csv_records(path: Path) -> Iterator[list[str]]:
    """The whole records of a CSV file; a line break ends a record if no quote is open."""
    record = b""
    with path.open("rb") as file:
        for line in file:
            record += line
            if record.endswith(b"\n") and record.count(b'"') % 2 == 0:
                yield next(csv.reader([record.decode()], strict=True))
                record = b""


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_PARQUET_GROUP):
            yield from batch.to_pylist()


_READERS = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}

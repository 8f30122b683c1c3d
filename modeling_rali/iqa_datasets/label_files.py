"""Finding and reading the files that scores come in: errors name the file, the line and the value."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import load_workbook

from .benchmark import IQADatasetError


def find(folder: Path, relative: str) -> Path | None:
    """The file or folder at `relative` under `folder`, letter case aside where no exact name is there; else None."""
    for part in relative.split("/"):
        exact = folder / part
        if not exact.exists():
            if not folder.is_dir():
                return None
            alike = [entry for entry in folder.iterdir() if entry.name.lower() == part.lower()]
            if len(alike) != 1:
                return None
            exact = alike[0]
        folder = exact
    return folder


def require(data_dir: Path, *names: str) -> Path:
    """The first of `names` (one file under its several official names) that `data_dir` holds.

    Raises IQADatasetError if it holds none, with the subfolder to pass instead if one of them does.
    """
    for name in names:
        if (path := find(data_dir, name)) is not None:
            return path
    wanted = " or ".join(names)
    for sub in sorted(entry for entry in data_dir.iterdir() if entry.is_dir()):
        if any(find(sub, name) is not None for name in names):
            raise IQADatasetError(f"{data_dir} holds no {wanted}, but its subfolder does: pass {sub}")
    raise IQADatasetError(f"{data_dir} holds no {wanted}: pass the folder that the owners' archive unpacks to")


def read_csv(path: Path, *required: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (place, row) for each line of a CSV with a header; blank lines and empty columns are dropped.

    `place` is "file, line n". Column names are stripped. Raises IQADatasetError if a required column, or a value in
    one, is missing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise IQADatasetError(f"{path} is not UTF-8 text: {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    if absent := [name for name in required if name not in header]:
        there = ", ".join(header) or "none"
        raise IQADatasetError(f"{path} has no column {', '.join(absent)}; its columns are {there}")
    for cells in reader:
        if any(cell.strip() for cell in cells):
            place = f"{path}, line {reader.line_num}"
            row = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}
            _require_values(place, row, required)
            yield place, row


def read_xlsx(path: Path, *required: str, sheet: str | None = None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (place, row) for each line of a worksheet, the first one unless named, as `read_csv` does.

    The header is the first line that holds all the required columns, wherever on the sheet it stands.
    """
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except BadZipFile as error:
        raise IQADatasetError(f"{path} is not an .xlsx workbook: {error}") from error
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise IQADatasetError(f"{path} has no sheet {sheet!r}, only {', '.join(book.sheetnames)}")
        header: list[str] = []
        for line, cells in enumerate((book[sheet] if sheet else book.worksheets[0]).values, start=1):
            texts = ["" if cell is None else str(cell).strip() for cell in cells]
            if not header:
                header = texts if set(required) <= set(texts) else []
            elif any(texts):
                place = f"{path}, line {line}"
                row = {name: text for name, text in zip(header, texts, strict=False) if name}
                _require_values(place, row, required)
                yield place, row
        if not header:
            raise IQADatasetError(f"{path} has no line with the column names {', '.join(required)}")
    finally:
        book.close()


def number(text: str, place: str) -> float:
    """`text` as a float; IQADatasetError naming the place if it is none. (NaN is a float: the range check sees it.)"""
    try:
        return float(text)
    except ValueError:
        raise IQADatasetError(f"{place}: {text!r} is not a number") from None


def _require_values(place: str, row: dict[str, str], required: tuple[str, ...]) -> None:
    if absent := [name for name in required if not row.get(name)]:
        raise IQADatasetError(f"{place}: no value in column {', '.join(absent)}")

"""The texts of a dataset as files: a folder of parquet shards, and beside them the facts of how they were made.

    texts.json                    what was described, by whom, with which settings and versions
    part-00000-of-00045.parquet   … one row a picture
    images/                       degraded copies, lossless

A shard is there whole or not at all, so that a run that was interrupted goes on with those that are missing, and several
processes can share the work.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from ..replacing import replacing, write_text
from ..run_settings import differing_settings

FACTS_FILE = "texts.json"
IMAGES = "images"

SCHEMA = pa.schema(
    {
        "image": pa.string(),
        "image_id": pa.string(),
        "source_id": pa.string(),
        "group": pa.string(),
        "dataset": pa.string(),
        "split": pa.string(),
        "mos": pa.float64(),
        "quality": pa.float64(),
        "degradation": pa.string(),
        "texts": pa.list_(pa.string()),
        "ratings": pa.list_(pa.float64()),
        "teacher": pa.string(),
        "seeds": pa.list_(pa.int64()),
    }
)
"""image: path, absolute or from the folder. image_id: its own; source_id: of the picture it is a degraded copy of, or its own.
group: scene, reference or prompt, which no split cuts. split: "train" or "validation". mos: on the set's scale, null for a
degraded copy. quality: in 0–1; of a degraded copy an estimate. degradation: "name:level" or null. ratings: what the teacher
rated, on 1–5, one a text, null where it gave none."""


class TextsError(ValueError):
    """A texts folder that is not what it has to be; the message names it and says what to do."""


class TextsFolder:
    """A folder of texts while it is being written.

    Args:
        folder: made where it is not there.
        facts: what all its texts depend on, as JSON can hold it; must be the same whenever the folder is written to.
        num_shards: how many shards it will have.

    Raises:
        TextsError: if the folder was begun with other facts: another dataset, other settings.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], num_shards: int) -> None:
        self.folder = folder
        self.num_shards = num_shards
        wanted: dict[str, Any] = json.loads(json.dumps({**facts, "num_shards": num_shards}))
        written = folder / FACTS_FILE
        if written.exists():
            before = _facts(folder)
            before.pop("fingerprint", None)
            if differing := differing_settings(before, wanted):
                raise TextsError(
                    f"{folder}: was begun with other settings or pictures ({', '.join(differing)}): give another folder, or "
                    "delete this one."
                )
            return
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        wanted["fingerprint"] = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        write_text(written, json.dumps(wanted, indent=2) + "\n")

    def shard(self, index: int) -> Path:
        """The path of a shard."""
        return self.folder / f"part-{index:05}-of-{self.num_shards:05}.parquet"

    def missing(self) -> list[int]:
        """The shards that are still to be written."""
        return [index for index in range(self.num_shards) if not self.shard(index).exists()]

    def write_shard(self, index: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a shard, whole or not at all; `rows` as `SCHEMA` has them."""
        with replacing(self.shard(index)) as file:
            pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), file)


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of a finished folder.

    Raises:
        TextsError: if it is not a texts folder, or not finished.
    """
    facts = _facts(folder)
    missing = facts["num_shards"] - len(_shards(folder))
    if missing:
        raise TextsError(
            f"{folder}: {missing} of {facts['num_shards']} shards are missing: run recipes/describe.py to its end."
        )
    return facts


def read_texts(folder: Path) -> Dataset:
    """The rows of a finished folder, in order; `image` as an absolute path.

    Raises:
        TextsError: if the folder is not one or not finished, rows lack a column or a text, or a picture is not there.
    """
    read_facts(folder)
    shards = _shards(folder)
    for shard in shards:
        lacking = set(SCHEMA.names) - set(pq.read_schema(shard).names)
        if lacking:
            raise TextsError(f"{shard}: has no column {', '.join(sorted(lacking))}.")
    rows = Dataset(pa.concat_tables([pq.read_table(shard, schema=SCHEMA) for shard in shards]))
    for image_id, texts in zip(rows["image_id"], rows["texts"], strict=True):
        if not texts or not all(text and text.strip() for text in texts):
            raise TextsError(f"{folder}: {image_id} has no text, or an empty one: describe it anew.")
    paths = [str((folder / image).absolute()) for image in rows["image"]]
    absent = [path for path in paths if not Path(path).is_file()]
    if absent:
        raise TextsError(
            f"{len(absent)} pictures of {folder} are not there, the first {absent[0]}: has their folder moved?"
        )
    return rows.remove_columns("image").add_column("image", paths)


def labelled_rows(rows: Dataset, degraded_copies: int) -> Dataset:
    """The rows with a quality: undegraded pictures, and the first so many degraded copies of each.

    Raises:
        TextsError: if there is none.
    """
    copies: dict[str, int] = {}
    kept = []
    for index, (source, degradation, quality) in enumerate(
        zip(rows["source_id"], rows["degradation"], rows["quality"], strict=True)
    ):
        if quality is None:
            continue
        if degradation is not None:
            copies[source] = copies.get(source, 0) + 1
        if degradation is None or copies[source] <= degraded_copies:
            kept.append(index)
    if not kept:
        raise TextsError("no row has a quality: a head is fitted to labelled pictures.")
    return rows.select(kept)


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS_FILE
    if not path.is_file():
        raise TextsError(f"{folder}: has no {FACTS_FILE}; a folder of texts is made by recipes/describe.py.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TextsError(f"{path}: is not JSON: {error}.") from error


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*-of-*.parquet"))

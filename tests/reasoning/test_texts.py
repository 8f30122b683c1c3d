"""A texts folder is written shard by shard, and read only when it is whole."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from modeling_rali.reasoning.texts import (
    FACTS_FILE,
    SCHEMA,
    TextsError,
    TextsFolder,
    labelled_rows,
    read_facts,
    read_texts,
)


def row(folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    picture = folder / f"{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16)).save(picture)
    return {
        "image": str(picture),
        "image_id": name,
        "source_id": name,
        "group": "1",
        "dataset": "own",
        "split": "train",
        "mos": 3.0,
        "quality": 0.5,
        "degradation": None,
        "texts": ["Sharp.", "Clean."],
        "ratings": [3.0, None],
        "teacher": "measured",
        "seeds": [1, 2],
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> TextsFolder:
    return TextsFolder(tmp_path / "texts", {"teacher": "measured", "settings": {"seed": 0}}, num_shards=2)


def test_finished_folder_is_read_in_order(folder: TextsFolder, tmp_path: Path) -> None:
    assert folder.missing() == [0, 1]
    folder.write_shard(1, [row(tmp_path, "b")])
    assert folder.missing() == [0]
    Image.new("RGB", (16, 16)).save(folder.folder / "images" / "c.png")
    folder.write_shard(0, [row(tmp_path, "a"), row(tmp_path, "c", image="images/c.png")])
    rows = read_texts(folder.folder)
    assert rows["image_id"] == ["a", "c", "b"]
    assert rows["ratings"][0] == [3.0, None]
    assert rows["image"][1] == str(folder.folder / "images" / "c.png")
    assert read_facts(folder.folder)["settings"] == {"seed": 0}


def test_unfinished_folder_is_refused(folder: TextsFolder, tmp_path: Path) -> None:
    folder.write_shard(0, [row(tmp_path, "a")])
    (folder.folder / f".{folder.shard(1).name}.draft").write_bytes(b"half")
    with pytest.raises(TextsError, match="1 of 2 shards are missing"):
        read_texts(folder.folder)


def test_other_settings_are_refused_and_equal_ones_go_on(folder: TextsFolder) -> None:
    again = TextsFolder(folder.folder, {"teacher": "measured", "settings": {"seed": 0}}, num_shards=2)
    assert again.missing() == [0, 1]
    with pytest.raises(TextsError, match=r"other settings or pictures \(settings\)"):
        TextsFolder(folder.folder, {"teacher": "measured", "settings": {"seed": 1}}, num_shards=2)


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextsError, match=r"has no texts\.json"):
        read_texts(tmp_path)
    (tmp_path / FACTS_FILE).write_text("{")
    with pytest.raises(TextsError, match="is not JSON"):
        read_texts(tmp_path)


@pytest.mark.parametrize("texts", [[], ["Sharp.", " "]])
def test_row_without_a_text_is_named(folder: TextsFolder, tmp_path: Path, texts: list[str]) -> None:
    folder.write_shard(0, [row(tmp_path, "a")])
    folder.write_shard(1, [row(tmp_path, "b", texts=texts)])
    with pytest.raises(TextsError, match="b has no text, or an empty one"):
        read_texts(folder.folder)


def test_missing_picture_is_named(folder: TextsFolder, tmp_path: Path) -> None:
    folder.write_shard(0, [row(tmp_path, "a")])
    folder.write_shard(1, [row(tmp_path, "b")])
    (tmp_path / "b.png").unlink()
    with pytest.raises(TextsError, match=r"1 pictures of .* are not there, the first .*b\.png"):
        read_texts(folder.folder)


def test_missing_column_is_named(folder: TextsFolder, tmp_path: Path) -> None:
    folder.write_shard(0, [row(tmp_path, "a")])
    table = pa.Table.from_pylist([row(tmp_path, "b")], schema=SCHEMA).drop_columns(["seeds"])
    pq.write_table(table, folder.shard(1))
    with pytest.raises(TextsError, match="has no column seeds"):
        read_texts(folder.folder)


def test_labelled_rows_have_a_quality_and_no_more_copies_than_asked_for(folder: TextsFolder, tmp_path: Path) -> None:
    copies = [row(tmp_path, f"a#{index}", source_id="a", degradation=f"jpeg:{index}") for index in (1, 2)]
    folder.write_shard(0, [row(tmp_path, "a"), *copies])
    folder.write_shard(1, [row(tmp_path, "b", quality=None)])
    rows = read_texts(folder.folder)
    assert labelled_rows(rows, 0)["image_id"] == ["a"]
    assert labelled_rows(rows, 1)["image_id"] == ["a", "a#1"]
    with pytest.raises(TextsError, match="no row has a quality"):
        labelled_rows(rows.select([3]), 2)

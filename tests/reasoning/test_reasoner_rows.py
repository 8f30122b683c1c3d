"""Rows for training a reasoner, from a benchmark's folder and from texts."""

from pathlib import Path

import pytest
from datasets import Dataset
from PIL import Image

from modeling_rali.image_processing_rali import UnreadableImageError
from modeling_rali.iqa_datasets import load_iqa_dataset
from modeling_rali.reasoning.grpo_rewards import check_rows
from modeling_rali.reasoning.measured_teacher import Grading
from modeling_rali.reasoning.measures import measure_pictures
from modeling_rali.reasoning.parsing import follows_format, parse_rating
from modeling_rali.reasoning.reasoner_rows import (
    load_pictures,
    measured_rows,
    named_paths,
    rows_fingerprint,
    seen_rows,
    text_rows,
    with_pictures,
)
from modeling_rali.reasoning.stored_pictures import read_stored
from tests.tiny_benchmark import save_biq2021


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return save_biq2021(tmp_path_factory.mktemp("benchmark"), train=10, validation=3)


def test_rows_hold_the_picture_its_label_and_the_question(benchmark: tuple[Path, Path]) -> None:
    root, scenes = benchmark
    train, aside = load_pictures({"biq2021": str(root)}, {"biq2021": str(scenes)}, validation_images=2)
    rows, validation = seen_rows(train), seen_rows(aside)
    check_rows(rows, images_per_batch=2, ranking=True)
    assert (len(rows), len(validation)) == (10, 2)
    pictures = load_iqa_dataset("biq2021", root, split="train")
    for row, picture in zip(rows, pictures, strict=False):
        assert row["image_id"] == picture["image_id"]
        assert row["image"].tobytes() == picture["image"].tobytes()
        assert row["label"] == pytest.approx(1 + 4 * picture["quality"])
        assert (row["task"], row["dataset"]) == ("rating", "biq2021")
        assert row["prompt"][1]["content"][0]["type"] == "image"
    assert set(validation.with_format(None)["dataset"]) == {"biq2021/validation"}
    assert not set(rows.with_format(None)["image_id"]) & set(validation.with_format(None)["image_id"])


def test_picture_that_cannot_be_shown_is_named_when_it_is_read(tmp_path: Path) -> None:
    folder, _ = save_biq2021(tmp_path, train=3, validation=0)
    broken = folder / "Images" / "ss1.jpg"
    rows = seen_rows({"biq2021": load_iqa_dataset("biq2021", folder, split="train")})
    broken.write_bytes(broken.read_bytes()[:700])
    assert rows[0]["image"].mode == "RGB"
    with pytest.raises(UnreadableImageError, match=r"ss1\.jpg: cannot be decoded"):
        rows[1]
    with pytest.raises(UnreadableImageError, match=r"ss1\.jpg: cannot be decoded"):
        measure_pictures(load_iqa_dataset("biq2021", folder, split="train"))


def test_picture_that_lies_in_the_dataset_is_read_as_a_file_is(photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    content = (tmp_path / "photo.png").read_bytes()
    assert read_stored({"bytes": content, "path": None}).tobytes() == photo.convert("RGB").tobytes()
    with pytest.raises(UnreadableImageError, match=r"^a\.png: "):
        read_stored({"bytes": content[:300], "path": "a.png"})


def test_the_same_rows_have_the_same_fingerprint(benchmark: tuple[Path, Path]) -> None:
    pictures = load_iqa_dataset("biq2021", benchmark[0], split="train")
    rows = seen_rows({"biq2021": pictures})
    assert rows_fingerprint(rows) == rows_fingerprint(seen_rows({"biq2021": pictures}))
    assert rows_fingerprint(rows) != rows_fingerprint(seen_rows({"biq2021": pictures.select(range(3))}))
    assert rows_fingerprint(rows) != rows_fingerprint(seen_rows({"biq2021": pictures}, degraded_share=0.5))


def test_share_of_the_pictures_comes_degraded_as_the_answer_says(benchmark: tuple[Path, Path]) -> None:
    train, _ = load_pictures({"biq2021": str(benchmark[0])}, {}, validation_images=0)
    rows = seen_rows(train, degraded_share=1.0, seed=3)
    check_rows(rows, images_per_batch=2, ranking=True)
    assert len(rows) == 26
    whole = {row["image_id"]: row["image"] for row in rows if row["task"] == "rating"}
    degraded = [row for row in rows if row["task"] == "degradation"]
    assert {row["image_id"] for row in degraded} == set(whole)
    assert len({row["degradation"] for row in degraded}) > 2
    for row in degraded:
        assert (row["degradation"] == "null") == (row["severity"] is None)
        same = row["image"].tobytes() == whole[row["image_id"]].tobytes()
        assert same == (row["degradation"] == "null") or row["degradation"] == "blur"  # too small a picture to see it
        assert "degradations" in row["prompt"][1]["content"][1]["text"]
    again = seen_rows(train, degraded_share=1.0, seed=3)
    assert [row["image"].tobytes() for row in again] == [row["image"].tobytes() for row in rows]
    assert len(seen_rows(train, degraded_share=0.5)) == 13 + 6


def test_model_without_eyes_gets_measures_in_place_of_pictures(benchmark: tuple[Path, Path]) -> None:
    train, aside = load_pictures({"biq2021": str(benchmark[0])}, {}, validation_images=2)
    assert aside == {}
    grading = Grading.fit(measure_pictures(train["biq2021"]))
    rows = measured_rows(train, grading)
    check_rows(rows, images_per_batch=2, ranking=True)
    assert "image" not in rows.column_names
    assert len(rows) == 13
    assert all(" clipped to black and " in row["prompt"][1]["content"] for row in rows)


def test_scenes_must_belong_to_the_data(benchmark: tuple[Path, Path], tmp_path: Path) -> None:
    root, scenes = benchmark
    with pytest.raises(ValueError, match="given for spaq, which is not among the data"):
        load_pictures({"biq2021": str(root)}, {"spaq": str(scenes)}, validation_images=2)
    other = tmp_path / "scenes.csv"
    other.write_text("image_id,group,split\nother.jpg,0,train\n")
    with pytest.raises(ValueError, match=r"1 pictures that are not the 13 .*: run recipes/scenes\.py again"):
        load_pictures({"biq2021": str(root)}, {"biq2021": str(other)}, validation_images=2)


def test_names_and_paths_are_told_apart() -> None:
    assert named_paths(["a=b", "c=d=e"], "--data") == {"a": "b", "c": "d=e"}
    for wrong in (["a"], ["a="], ["=b"]):
        with pytest.raises(ValueError, match=f"--data {wrong[0]}: give it as NAME=PATH"):
            named_paths(wrong, "--data")
    with pytest.raises(ValueError, match="--data names a dataset twice"):
        named_paths(["a=b", "a=c"], "--data")


def texts_of(texts: list[list[str]], ratings: list[list[float | None]], quality: list[float | None]) -> Dataset:
    ids = [f"{row}.jpg" for row in range(len(texts))]
    return Dataset.from_dict({"image_id": ids, "texts": texts, "ratings": ratings, "quality": quality})


def test_every_text_is_an_answer_that_reads_back(photo: Image.Image) -> None:
    texts = texts_of([["Sharp.", " Clean. "], ["Dark."]], [[4.0, None], [1.5]], [0.614, None])
    rows, numbers = text_rows(texts)
    assert numbers == [0, 0, 1]
    read = [parse_rating(completion) for completion in rows["completion"]]
    # The second text has no rating of the teacher's: 1 + 4 · 0.614 is the picture's label
    assert [(answer.reasoning, answer.rating) for answer in read] == [("Sharp.", 4.0), ("Clean.", 3.46), ("Dark.", 1.5)]
    assert all(follows_format(completion) for completion in rows["completion"])
    pictures = Dataset.from_dict({"image": [photo, photo.rotate(180)]})
    seen = with_pictures(rows, pictures, numbers)
    assert [row["image"].tobytes() for row in seen] == [pictures[number]["image"].tobytes() for number in numbers]
    assert "picture" not in seen[0]


def test_text_without_anything_to_answer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.jpg has 2 texts and 1 ratings"):
        text_rows(texts_of([["Sharp.", "Clean."]], [[4.0]], [0.5]))
    with pytest.raises(ValueError, match=r"1\.jpg has a text without a rating, and no label"):
        text_rows(texts_of([["Sharp."], ["Clean."]], [[4.0], [None]], [0.5, None]))

"""recipes/describe.py, as a user runs it."""

import csv
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

from modeling_rali.reasoning.texts import read_facts, read_texts

RECIPE = Path(__file__).parents[2] / "recipes" / "describe.py"


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BIQ2021's layout with 24 pictures, and `scenes.csv` that puts every fourth aside."""
    folder = tmp_path_factory.mktemp("BIQ2021")
    (folder / "Images").mkdir()
    rng = np.random.default_rng(0)
    names = [f"ss{index}.jpg" for index in range(24)]
    for name in names:
        noise = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        noise.resize((80, 64), Image.Resampling.BICUBIC).save(folder / "Images" / name)
    Image.new("RGB", (80, 64)).save(folder / "Images" / "test.jpg")
    for split, part in (("Train", names), ("Test", ["test.jpg"])):
        with (folder / f"{split} (Images and MOS).csv").open("w", newline="") as file:
            csv.writer(file).writerows([("Image Name", "MOS"), *((name, rng.uniform()) for name in part)])
    with (folder / "scenes.csv").open("w", newline="") as file:
        rows = [(name, index, "train" if index % 4 else "validation") for index, name in enumerate(names)]
        csv.writer(file).writerows([("image_id", "group", "split"), *rows])
    return folder


def arguments(benchmark: Path, output: Path, **changes: object) -> list[str]:
    settings: dict[str, object] = {
        "data_dir": benchmark,
        "scenes": benchmark / "scenes.csv",
        "output_dir": output,
        "texts_per_image": 3,
        "degraded_per_image": 2,
        "shard_size": 5,
    } | changes
    return [str(word) for name, value in settings.items() for word in (f"--{name}", value)]


@pytest.fixture
def describe(monkeypatch: pytest.MonkeyPatch, benchmark: Path) -> Callable[..., Dataset]:
    def run(output: Path, **changes: object) -> Dataset:
        monkeypatch.setattr(sys, "argv", [str(RECIPE), *arguments(benchmark, output, **changes)])
        runpy.run_path(str(RECIPE), run_name="__main__")
        return read_texts(output)

    return run


def comparable(rows: Dataset) -> list[dict]:
    """The rows without the folder they are in."""
    return [{**row, "image": Path(row["image"]).name} for row in rows]


def test_every_picture_and_its_copies_are_described(describe: Callable[..., Dataset], tmp_path: Path) -> None:
    rows = describe(tmp_path / "texts")
    assert len(rows) == 24 * 3
    assert read_facts(tmp_path / "texts")["teacher"] == "measured"
    for row in rows:
        assert len(set(row["texts"])) == 3
        assert row["split"] == ("train" if int(row["group"]) % 4 else "validation")
        degraded = row["degradation"] is not None
        assert (row["image_id"] != row["source_id"]) == degraded == (row["mos"] is None)
        with Image.open(row["image"]) as picture:
            assert picture.size == (80, 64)
    qualities = {row["image_id"]: row["quality"] for row in rows}
    assert all(qualities[row["image_id"]] <= qualities[row["source_id"]] for row in rows)


def test_killed_run_goes_on_to_the_same_texts(
    describe: Callable[..., Dataset], benchmark: Path, tmp_path: Path
) -> None:
    whole = describe(tmp_path / "whole")
    output = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, str(RECIPE), *arguments(benchmark, output)])
    deadline = time.monotonic() + 60
    while not list(output.glob("*.parquet")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert comparable(describe(output)) == comparable(whole)


def test_other_seed_is_refused_in_the_same_folder(describe: Callable[..., Dataset], tmp_path: Path) -> None:
    describe(tmp_path / "texts")
    with pytest.raises(ValueError, match=r"other settings or pictures \(settings\)"):
        describe(tmp_path / "texts", seed=1)


def test_another_dataset_is_refused_in_the_same_folder(
    describe: Callable[..., Dataset], benchmark: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(benchmark, tmp_path / "BIQ2021")
    describe(tmp_path / "texts", data_dir=changed)
    labels = changed / "Train (Images and MOS).csv"
    name, *rest = labels.read_text().splitlines()
    labels.write_text("\n".join([name, rest[0].split(",")[0] + ",0.123", *rest[1:]]))
    with pytest.raises(ValueError, match=r"other settings or pictures \(pictures\)"):
        describe(tmp_path / "texts", data_dir=changed)


def test_scenes_of_other_pictures_are_refused(describe: Callable[..., Dataset], tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.csv"
    scenes.write_text("image_id,group,split\nother.jpg,0,train\n")
    with pytest.raises(SystemExit, match=r"run recipes/scenes\.py again"):
        describe(tmp_path / "texts", scenes=scenes)


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "idefics3"])
def test_a_model_that_sees_is_a_teacher(
    describe: Callable[..., Dataset], tiny_reasoner: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    teacher = tiny_reasoner(family)
    settings = {"teacher": teacher, "max_new_tokens": 6, "texts_per_image": 2, "degraded_per_image": 0}
    rows = describe(tmp_path / "texts", **settings)
    assert all(row["teacher"] == str(teacher) and len(row["texts"]) == 2 for row in rows)
    assert all(rating is None for row in rows for rating in row["ratings"])  # of random weights

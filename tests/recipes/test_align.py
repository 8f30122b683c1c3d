"""recipes/align.py with each of its configs, on small towers of the same kind, as a user runs it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from modeling_rali import RaliModel
from modeling_rali.image_processing_rali import read_image
from modeling_rali.inference import TextBank
from modeling_rali.reasoning.texts import FACTS_FILE, TextsFolder, read_texts
from tests.tiny_benchmark import save_biq2021
from tests.tiny_towers import save_clip, save_siglip

from .conftest import RECIPES

TRAINED, VALIDATION = 12, 6
SMALL = ("--per_device_train_batch_size", 4, "--num_train_epochs", 2, "--use_cpu", "--dataloader_num_workers", 0)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts of twelve pictures to train on and six to validate on, each with a degraded copy."""
    folder = tmp_path_factory.mktemp("texts")
    benchmark, scenes = save_biq2021(folder, TRAINED, VALIDATION)
    options: dict[str, object] = {"data_dir": benchmark, "scenes": scenes, "output_dir": folder / "texts"}
    options |= {"texts_per_image": 2, "degraded_per_image": 1}
    command = [f"--{name}={value}" for name, value in options.items()]
    subprocess.run([sys.executable, RECIPES / "describe.py", *command], check=True)
    return folder / "texts"


def towers_of(config: Path, folder: Path) -> tuple[object, ...]:
    """Small towers in place of those that a config names."""
    name = yaml.safe_load(config.read_text())["model"]
    if name == "efficientnet-lite0":
        return ("--image_size", 64, "--crop_size", 48)
    tower = save_siglip(folder / "tower") if "siglip" in name else save_clip(folder / "tower")
    return ("--model", tower, "--text_encoder", tower)


@pytest.mark.parametrize("config", sorted((RECIPES / "configs" / "align").glob("*.yaml")), ids=lambda path: path.stem)
def test_config_aligns_and_the_head_fits_what_comes_out(
    run: Callable[..., str], texts: Path, tmp_path: Path, config: Path
) -> None:
    towers = towers_of(config, tmp_path)
    align = ("align.py", "--config", config, "--texts", texts, "--output_dir", tmp_path / "run", *towers, *SMALL)
    assert "validation SRCC" in run(*align)
    aligned = tmp_path / "run" / "aligned"
    facts = json.loads((aligned / "alignment.json").read_text())
    assert len(facts["history"]) == 2
    assert facts["num_images"] == facts["num_degraded_images"] == TRAINED
    assert facts["texts"]["teacher"] == "measured"
    bank = TextBank.read(tmp_path / "run" / "text_bank.parquet")
    assert len(bank.texts) == len(set(bank.texts)) > TRAINED
    assert "is there already" in run(*align)
    with pytest.raises(ValueError, match=r"other settings \(seed\)"):
        run(*align, "--seed", 1)

    head = ("--config", RECIPES / "configs" / "prototypes" / config.name, "--model", aligned, "--texts", texts)
    small = ("--pca_dim", 4, "--num_bins", 3, "--num_prototypes", 4, "--degraded_copies", 0, "--severe_share", 0)
    run("prototypes.py", *head, *small, "--output_dir", tmp_path / "fitted")
    model = RaliModel.from_pretrained(tmp_path / "fitted" / "checkpoint").eval()
    explanation = model.explain([model.image_processor.pixels(read_image(read_texts(texts)[0]["image"]))])[0]
    assert 1 <= explanation.score <= 5
    assert len(explanation.terms) == len(model.config.quality_terms)


def test_killed_run_goes_on_to_the_same_weights(texts: Path, tmp_path: Path) -> None:
    def command(output: Path) -> list[str]:
        options: tuple[object, ...] = (
            "--image_size",
            64,
            "--per_device_train_batch_size",
            4,
            "--num_train_epochs",
            4,
            "--use_cpu",
        )
        options += ("--score_weight", 1.0, "--dataloader_num_workers", 0)
        return [
            str(part)
            for part in (sys.executable, RECIPES / "align.py", "--texts", texts, "--output_dir", output, *options)
        ]

    subprocess.run(command(tmp_path / "whole"), check=True)
    killed = subprocess.Popen(command(tmp_path / "killed"))
    while not list((tmp_path / "killed").glob("checkpoint-*/trainer_state.json")):
        assert killed.poll() is None, "ended before its first checkpoint"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "aligned").exists()
    subprocess.run(command(tmp_path / "killed"), check=True)
    whole, resumed = (RaliModel.from_pretrained(tmp_path / name / "aligned") for name in ("whole", "killed"))
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, rtol=0, atol=0, msg=name)


def test_texts_of_fewer_sentences_than_asked_for_are_refused(
    run: Callable[..., str], texts: Path, tmp_path: Path
) -> None:
    align = ("align.py", "--texts", texts, "--output_dir", tmp_path / "run", "--image_size", 64, *SMALL)
    with pytest.raises(ValueError, match=r"texts_per_image is 3, but ss\d+\.jpg has 2"):
        run(*align, "--texts_per_image", 3)


def test_a_run_does_not_go_on_with_texts_made_anew(run: Callable[..., str], texts: Path, tmp_path: Path) -> None:
    align = ("align.py", "--output_dir", tmp_path / "run", "--texts_per_image", 3, *SMALL)
    with pytest.raises(ValueError, match="texts_per_image"):
        run(*align, "--texts", texts)
    anew = shutil.copytree(texts, tmp_path / "texts")
    facts = json.loads((anew / FACTS_FILE).read_text())
    (anew / FACTS_FILE).write_text(json.dumps(facts | {"fingerprint": "of other settings"}))
    with pytest.raises(ValueError, match=r"other settings \(texts\)"):
        run(*align, "--texts", anew)


def test_texts_of_pictures_without_labels_are_refused(run: Callable[..., str], texts: Path, tmp_path: Path) -> None:
    folder = TextsFolder(tmp_path / "texts", {"teacher": "measured"}, num_shards=1)
    folder.write_shard(0, [row | {"quality": None} for row in read_texts(texts)])
    align = ("align.py", "--texts", folder.folder, "--output_dir", tmp_path / "run", "--image_size", 64, *SMALL)
    with pytest.raises(ValueError, match="labelled pictures to fit a regression on"):
        run(*align)

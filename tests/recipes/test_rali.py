"""recipes/rali.py: one command from a benchmark's folder to an evaluated checkpoint."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_benchmark import save_biq2021

SETTINGS = {
    "describe": "texts_per_image: 2\ndegraded_per_image: 1\n",
    "align": "image_size: 64\nscore_weight: 1.0\nper_device_train_batch_size: 4\nnum_train_epochs: 1\n",
    "prototypes": "pca_dim: 4\nnum_bins: 4\nnum_prototypes: 5\nfine_tuning: {epochs: 2}\nlicense: apache-2.0\n",
}


def test_one_command_ends_with_figures_and_card_and_does_nothing_twice(run: Callable[..., str], tmp_path: Path) -> None:
    benchmark, scenes = save_biq2021(tmp_path, 12, 6)
    output = tmp_path / "out"
    output.mkdir()
    scenes.rename(output / "scenes.csv")
    arguments: list[object] = ["rali.py", "--data_dir", benchmark, "--output_dir", output]
    for stage, text in SETTINGS.items():
        (tmp_path / f"{stage}.yaml").write_text(text)
        arguments += [f"--{stage}", tmp_path / f"{stage}.yaml"]
    arguments += ["--test", f"biq2021={benchmark}"]
    run(*arguments)
    checkpoint = output / "checkpoint"
    assert json.loads((output / "metrics.json").read_text())["results"][0]["n"] == 2
    training = json.loads((checkpoint / "training.json").read_text())
    assert training["alignment"]["settings"]["image_size"] == 64
    card = (checkpoint / "README.md").read_text()
    assert "| teacher of the texts | measured |" in card
    assert "| biq2021 | test |" in card

    made = {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")}
    run(*arguments)
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")} == made


def test_a_stage_that_fails_ends_the_command(run: Callable[..., str], tmp_path: Path) -> None:
    stages = [part for stage in SETTINGS for part in (f"--{stage}", tmp_path / "missing.yaml")]
    with pytest.raises(SystemExit) as stopped:
        run("rali.py", "--data_dir", tmp_path / "nothing", "--output_dir", tmp_path / "out", *stages)
    assert stopped.value.code != 0
    assert not (tmp_path / "out" / "checkpoint").exists()

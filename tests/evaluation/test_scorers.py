import json
from pathlib import Path

import pytest
import torch

from modeling_rali import RaliModel
from modeling_rali.evaluation.scorers import fingerprint, open_scorer
from modeling_rali.inference import ModelLoadError, load_model, score_rows

SAMPLE = str(Path(__file__).resolve().parents[2] / "samples" / "cat.jpg")


def test_a_checkpoint_scores_as_the_model_does(tiny_checkpoint: Path, tiny_clip: RaliModel) -> None:
    scorer = open_scorer(str(tiny_checkpoint), device="cpu")
    assert list(scorer.score([("cat", SAMPLE)])) == list(score_rows(tiny_clip, [("cat", SAMPLE)]))
    assert scorer.name == str(tiny_checkpoint) and scorer.trained_on is None


def test_what_a_checkpoint_learnt_from_is_read_from_its_training_facts(tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / "training.json").write_text(json.dumps({"dataset": "koniq10k", "seed": 0}))
    assert open_scorer(str(tiny_checkpoint), device="cpu").trained_on == "koniq10k"


def test_the_fingerprint_is_that_of_weights_number_type_and_settings(tiny_checkpoint: Path, tmp_path: Path) -> None:
    model = load_model(tiny_checkpoint, device="cpu")
    original = fingerprint(model)
    elsewhere = tmp_path / "elsewhere"
    model.save_pretrained(elsewhere)
    assert fingerprint(load_model(elsewhere, device="cpu")) == original
    assert fingerprint(load_model(tiny_checkpoint, device="cpu", dtype="bfloat16")) != original

    model.config.preprocessing = {"size": 48}
    assert fingerprint(model) != original
    model.config.preprocessing = {"size": 32}
    with torch.no_grad():
        model.head.prototype_scores[0] += 1e-3
    assert fingerprint(model) != original


def test_the_name_of_a_baseline_comes_before_a_folder_of_that_name(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint.rename("laplacian")
    assert open_scorer("laplacian").fingerprint == "laplacian"
    assert open_scorer("./laplacian", device="cpu").fingerprint != "laplacian"


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="gone: no such folder"):
        open_scorer(str(tmp_path / "gone"))

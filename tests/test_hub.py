"""Checkpoints pushed to a Hub and loaded back, with the package and without it; and the cards that go with them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, pipeline

from modeling_rali import RaliModel
from modeling_rali.hub import metrics_of_one_model, model_card, push_to_hub

if TYPE_CHECKING:
    from .hub_server import Hub

pytest_plugins = ["tests.hub_server"]

CHECKPOINT_FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "configuration_rali.py",
    "image_processing_rali.py",
    "modeling_rali.py",
    "pipeline_rali.py",
    "mapping_rali.py",
    "scoring.py",
}
TRAINING = {
    "dataset": "BIQ2021",
    "num_images": 4321,
    "seed": 7,
    "command": "python recipes/train.py | tee log",
    "minutes": 12.345,
    "tower": "EfficientNet-Lite0",
    "tower_license": "Apache-2.0",
    "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
    "license": "apache-2.0",
    "loss_curve": [3.0, 2.0],
}
RESULT = {
    "dataset": "biq2021",
    "split": "test",
    "model": "runs/nano",
    "n": 1500,
    "n_failed": 2,
    "srcc": 0.81234,
    "srcc_ci95": [0.7812, 0.8401],
    "plcc": 0.80456,
    "plcc_logistic": 0.81567,
    "krcc": 0.62678,
    "rmse_logistic": 0.08789,
    "within_group": None,
    "title": "BIQ2021",
    "trained_on": "biq2021",
    "n_published": 2000,
    "notes": [],
}
METRICS = {
    "results": [
        RESULT,
        {
            **RESULT,
            "dataset": "agiqa3k",
            "split": "all",
            "srcc": 0.6543,
            "plcc": math.nan,
            "within_group": {"by": "generator", "mean": 0.4567},
        },
    ],
    "seed": 3,
    "versions": {"scipy": "1.17.0"},
}


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(METRICS))
    return path


def test_pushed_model_scores_the_same_with_the_package_imported(
    hub: Hub, tiny_checkpoint: Path, tiny_clip: RaliModel, photo: Image.Image
) -> None:
    assert push_to_hub(tiny_checkpoint, "me/with-package") == f"{hub.url}/me/with-package"
    expected = pipeline("image-quality", model=tiny_clip, image_processor=tiny_clip.image_processor)(photo)
    assert pipeline("image-quality", model="me/with-package")(photo) == expected
    model = AutoModel.from_pretrained("me/with-package").eval()
    assert isinstance(model, RaliModel)
    pixels = AutoImageProcessor.from_pretrained("me/with-package")(photo, return_tensors="pt")
    with torch.no_grad():
        assert model(**pixels).score.item() == expected["score"]


SCORE_WITHOUT_THE_PACKAGE = """
import importlib.abc, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("modeling_rali", "rali_cli"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
try:
    import modeling_rali
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the package is there")

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, pipeline

photo, scores = Image.open(sys.argv[1]), {}
for name in sys.argv[2:]:
    pipe = pipeline("image-quality", model=name, trust_remote_code=True)
    model = AutoModel.from_pretrained(name, trust_remote_code=True).eval()
    processor = AutoImageProcessor.from_pretrained(name, trust_remote_code=True)
    with torch.no_grad():
        score = model(**processor(photo, return_tensors="pt")).score.item()
    scores[name] = [pipe(photo)["score"], score]
    assert type(model).__module__.startswith("transformers_modules."), type(model)
print(json.dumps(scores))
"""


def test_checkpoints_score_the_same_without_the_package(
    hub: Hub, tiny_clip: RaliModel, tiny_efficientnet: RaliModel, photo: Image.Image, tmp_path: Path
) -> None:
    photo.save(tmp_path / "photo.png")
    expected = {}
    for kind, model in (("clip", tiny_clip), ("efficientnet", tiny_efficientnet)):
        pipe = pipeline("image-quality", model=model, image_processor=model.image_processor)
        push_to_hub(model, f"me/without-package-{kind}")
        model.save_pretrained(tmp_path / f"{kind}-saved")
        pipe.save_pretrained(tmp_path / f"{kind}-saved-pipeline")
        score = pipe(photo)["score"]
        for name in (
            f"me/without-package-{kind}",
            str(tmp_path / f"{kind}-saved"),
            str(tmp_path / f"{kind}-saved-pipeline"),
        ):
            expected[name] = [score, score]
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCORE_WITHOUT_THE_PACKAGE, str(tmp_path / "photo.png"), *expected],
        cwd=tmp_path,
        env={**os.environ, **hub.env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == expected


def test_only_the_files_of_a_checkpoint_are_pushed(hub: Hub, tiny_checkpoint: Path, metrics: Path) -> None:
    for name in ("optimizer.pt", "pca.pkl", "training_args.bin", "diary.txt", "extra.py", "model.onnx"):
        (tiny_checkpoint / name).write_bytes(b"private")
    (tiny_checkpoint / "README.md").write_text("an old card")
    push_to_hub(tiny_checkpoint, "me/files", metrics=metrics, private=True)
    repo = hub.repos["models/me/files"]
    assert set(repo.files) - {".gitattributes"} == CHECKPOINT_FILES
    assert repo.private
    assert b"an old card" not in repo.files["README.md"]
    assert b"0.812" in repo.files["README.md"]


def test_training_facts_go_along_and_into_the_card(hub: Hub, tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / "training.json").write_text(json.dumps(TRAINING))
    push_to_hub(tiny_checkpoint, "me/facts")
    repo = hub.repos["models/me/facts"]
    assert json.loads(repo.files["training.json"]) == TRAINING
    card = ModelCard(repo.files["README.md"].decode())
    assert card.data.get("license") == "apache-2.0"
    assert card.data.get("datasets") == ["BIQ2021"]
    assert "# facts\n" in card.text
    assert 'pipeline("image-quality", model="me/facts")' in card.text


def test_damaged_checkpoint_is_refused_before_anything_is_sent(
    hub: Hub, tiny_clip: RaliModel, tiny_checkpoint: Path
) -> None:
    tiny_clip.head.prototypes.data[3, 2] = math.nan
    tiny_clip.save_pretrained(tiny_checkpoint)
    for model in (tiny_checkpoint, tiny_clip):
        with pytest.raises(ValueError, match=r"not finite: head\.prototypes"):
            push_to_hub(model, "me/damaged")
    assert "models/me/damaged" not in hub.repos


def test_repository_that_is_public_is_not_taken_for_private(hub: Hub, tiny_clip: RaliModel) -> None:
    push_to_hub(tiny_clip, "me/public")
    commits = list(hub.repos["models/me/public"].commits)
    with pytest.raises(ValueError, match="me/public exists and is public"):
        push_to_hub(tiny_clip, "me/public", private=True)
    assert hub.repos["models/me/public"].commits == commits


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", 'has no "results"'),
        ("{}", 'has no "results"'),
        ('{"results": []}', 'has no "results"'),
        (json.dumps({"results": [{k: v for k, v in RESULT.items() if k != "krcc"}]}), "result 0 lacks krcc"),
        (json.dumps({"results": [RESULT, 5]}), "result 1 lacks dataset, krcc"),
        (json.dumps({"results": [RESULT, {**RESULT, "model": "other"}]}), "several models, other, runs/nano"),
    ],
)
def test_metrics_that_cannot_be_of_this_model_are_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"metrics\.json: .*{complaint}"):
        metrics_of_one_model(path)


def test_card_shows_the_model_as_it_is(tiny_clip: RaliModel) -> None:
    tiny_clip.head.temperature.data.fill_(0.0123)
    text = model_card(tiny_clip, "tiny", location="me/tiny").text
    scores = tiny_clip.head.prototype_scores
    for fact in (
        "`clip_vision_model` vision tower",
        f"of {sum(p.numel() for p in tiny_clip.vision_model.parameters()):,} parameters",
        "resized to 32 pixels, and the centre square",
        "24 numbers",
        "8 directions",
        "11 prototypes",
        "temperature of 0.0123",
        f"{scores.min():.2f} to {scores.max():.2f}",
    ):
        assert fact in text, fact


def test_card_speaks_of_the_tower_and_preprocessing_that_is_there(
    tiny_clip: RaliModel, tiny_efficientnet: RaliModel
) -> None:
    other = model_card(tiny_efficientnet, "tiny").text
    assert "tower is no CLIP" in other
    assert "aspect ratio kept" in other
    assert "only the middle" not in other
    clip = model_card(tiny_clip, "tiny").text
    assert "tower is no CLIP" not in clip
    assert "only the middle of one that is not square" in clip


def test_card_of_the_default_needs_no_name_to_load_it(tiny_efficientnet: RaliModel) -> None:
    text = model_card(tiny_efficientnet, "rali-nano").text
    assert 'pipeline("image-quality")' in text
    assert "RaliModel.from_pretrained(DEFAULT_CHECKPOINT)" in text
    assert "trust_remote_code" not in text


@pytest.mark.parametrize("location", [None, "me/tiny"])
def test_snippets_of_the_card_are_python(tiny_clip: RaliModel, location: str | None) -> None:
    blocks = model_card(tiny_clip, "tiny", location=location).text.split("```python\n")[1:]
    assert len(blocks) == (3 if location else 2)
    for block in blocks:
        compile(block.partition("```")[0], "snippet", "exec")


def test_figures_of_the_card_are_those_of_the_metrics(tiny_clip: RaliModel, metrics: Path) -> None:
    card = model_card(tiny_clip, "tiny", training=TRAINING, metrics=metrics_of_one_model(metrics))
    rows = [line.strip("| ").split(" | ") for line in card.text.splitlines() if line.startswith(("| biq", "| agiqa"))]
    assert rows == [
        ["biq2021", "test", "1,500", "2", "0.812 (0.781 to 0.840)", "0.805", "0.816", "0.627", "0.088", "–"],
        ["agiqa3k", "all", "1,500", "2", "0.654 (0.781 to 0.840)", "–", "0.816", "0.627", "0.088", "0.457"],
    ]
    assert "seed 3; versions scipy 1.17.0" in card.text
    indexed = {
        (result.dataset_name, result.dataset_split, result.metric_name): result.metric_value
        for result in card.data.get("eval_results")
    }
    assert indexed["biq2021", "test", "SRCC"] == 0.8123
    assert indexed["agiqa3k", "all", "SRCC"] == 0.6543
    assert ("agiqa3k", "all", "PLCC") not in indexed
    assert len(indexed) == 9


def test_training_facts_of_the_card_are_those_recorded(tiny_clip: RaliModel) -> None:
    text = model_card(tiny_clip, "tiny", training=TRAINING).text
    for row in (
        "| data | BIQ2021 |",
        "| pictures | 4321 |",
        r"| command | python recipes/train.py \| tee log |",
        "| minutes of alignment | 12.3 |",
        "| versions | torch 2.13.0, transformers 5.23.0 |",
        "| licence of the tower | Apache-2.0 |",
    ):
        assert row in text, row
    assert "one set of 4,321 pictures, BIQ2021" in text
    assert "loss_curve" not in text


def test_card_without_facts_says_that_there_are_none(tiny_clip: RaliModel) -> None:
    card = model_card(tiny_clip, "tiny")
    assert card.data.get("license") is None and card.data.get("eval_results") is None
    for sentence in (
        "does not say what it learnt from",
        "no record of its training",
        "None were recorded",
        "does not say",
    ):
        assert sentence in card.text


def test_card_is_what_the_hub_reads(tiny_clip: RaliModel, metrics: Path, tmp_path: Path) -> None:
    card = model_card(tiny_clip, "tiny", training=TRAINING, metrics=metrics_of_one_model(metrics))
    card.save(tmp_path / "README.md")
    read: dict[str, Any] = ModelCard.load(tmp_path / "README.md").data.to_dict()
    assert read["library_name"] == "transformers"
    assert read["pipeline_tag"] == "image-classification"
    assert read["model-index"][0]["name"] == "tiny"
    assert read["model-index"][0]["results"][0]["dataset"] == {"name": "biq2021", "type": "biq2021", "split": "test"}
    assert not [line for line in card.text.splitlines() if line.rstrip() != line]
    assert "{{" not in str(card) and "{%" not in str(card)

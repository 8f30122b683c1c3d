"""RaliConfig: defaults, round trips and the errors of settings that contradict one another."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, CLIPVisionConfig, SiglipVisionConfig

from modeling_rali import RaliConfig

from .conftest import TINY_CLIP


def test_defaults_are_the_papers_model() -> None:
    config = RaliConfig()
    assert isinstance(config.vision_config, CLIPVisionConfig)
    assert (config.embed_dim, config.pca_dim, config.num_prototypes, config.temperature) == (768, 512, 250, 0.07)
    assert tuple(config.score_range) == (1, 5)


def test_round_trip_keeps_every_setting(tmp_path: Path) -> None:
    config = RaliConfig(
        vision_config=dict(TINY_CLIP),
        pooling="pooler",
        projection_dim=None,
        pca_dim=8,
        num_prototypes=3,
        temperature=1.0,
        score_range=(0.0, 100.0),
        preprocessing={"resize": "stretch", "size": 32},
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(loaded, RaliConfig)
    assert loaded.to_dict() == {**config.to_dict(), "_name_or_path": loaded.to_dict()["_name_or_path"]}


def test_config_file_names_the_pipeline_but_the_package_needs_no_remote_code(tmp_path: Path) -> None:
    RaliConfig(vision_config=dict(TINY_CLIP)).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["custom_pipelines"]["image-quality"]["impl"] == "pipeline_rali.ImageQualityPipeline"
    assert AutoConfig.from_pretrained(tmp_path).custom_pipelines == {}


def test_any_tower_is_a_choice_of_config() -> None:
    config = RaliConfig(
        vision_config=SiglipVisionConfig(hidden_size=48), pooling="pooler", projection_dim=None, pca_dim=8
    )
    assert config.embed_dim == 48


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pooling": "stage_statistics"}, "feature_indices and pooled_dim"),
        ({"feature_indices": [1]}, "feature_indices belongs to"),
        ({"projection_dim": None}, "needs projection_dim"),
        ({"pooling": "pooler"}, "set projection_dim to None"),
        ({"pca_dim": 769}, "pca_dim is 769"),
        ({"num_prototypes": 0}, "num_prototypes is 0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"score_range": (5.0, 1.0)}, "score_range is"),
        ({"vision_config": {"hidden_size": 32}}, 'without "model_type"'),
        ({"pooling": "mean"}, "pooling"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):  # huggingface_hub wraps ValueError in errors of its own
        RaliConfig(**settings)

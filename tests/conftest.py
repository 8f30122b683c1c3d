"""Fixtures shared by all tests: tiny random models of the real architectures, sample pictures, the shared data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_rali import RaliConfig, RaliModel

pytest_plugins = ["tests.hub_server"]

TINY_CLIP = {
    "model_type": "clip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
TINY_EFFICIENTNET = {
    "model_type": "efficientnet",
    "width_coefficient": 0.25,
    "depth_coefficient": 0.3,
    "hidden_dim": 320,
    "hidden_act": "relu6",
    "drop_connect_rate": 0.0,
}


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real data and label files beside the project; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside the project")
    return folder


@pytest.fixture
def tiny_clip() -> RaliModel:
    """A random RALI model on a CLIP tower: hidden 32, 2 layers, 32 px, short edge and centre crop."""
    torch.manual_seed(0)
    config = RaliConfig(
        vision_config=dict(TINY_CLIP), projection_dim=24, pca_dim=8, num_prototypes=11, preprocessing={"size": 32}
    )
    return randomised(RaliModel(config).eval())


@pytest.fixture
def tiny_efficientnet() -> RaliModel:
    """A random RALI model on a narrow EfficientNet with stage statistics, whole pictures of about 64² pixels."""
    torch.manual_seed(0)
    config = RaliConfig(
        vision_config=dict(TINY_EFFICIENTNET),
        pooling="stage_statistics",
        feature_indices=[1, 2, 4],
        pooled_dim=2 * (8 + 8 + 24),
        projection_dim=None,
        pca_dim=12,
        num_prototypes=9,
        preprocessing={"resize": "area", "size": 64, "multiple": 16},
    )
    return randomised(RaliModel(config).eval())


def randomised(model: RaliModel) -> RaliModel:
    """The model with a head whose every tensor is random, so that none of them can be left out unnoticed."""
    with torch.no_grad():
        head = model.head
        head.mean.normal_(std=0.1)
        head.scale.uniform_(0.5, 2.0)
        head.prototypes.normal_()
        head.prototype_scores.uniform_(1, 5)
        head.temperature.fill_(0.2)
    return model


@pytest.fixture
def tiny_checkpoint(tiny_clip: RaliModel, tmp_path: Path) -> Path:
    """A folder with `tiny_clip` saved."""
    folder = tmp_path / "tiny-clip"
    tiny_clip.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_reasoner(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny random reasoner by its family in `tests.tiny_reasoners`, made when first asked for."""
    root = tmp_path_factory.mktemp("reasoners")

    def folder(family: str) -> Path:
        if not (root / family).exists():
            from tests import tiny_reasoners  # imports every family's code, which few tests need

            getattr(tiny_reasoners, f"save_{family}")(root / family)
        return root / family

    return folder


@pytest.fixture
def photo() -> Image.Image:
    """A picture with smooth areas, edges and texture: 90 × 60 pixels, RGB."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:60, 0:90]
    pixels = np.stack([rows * 4, columns * 2.5, 128 + 80 * np.sin(columns / 5)], -1) + rng.normal(0, 8, (60, 90, 3))
    pixels[20:40, 30:60] = (200, 40, 30)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))

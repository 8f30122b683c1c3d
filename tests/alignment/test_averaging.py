"""The mean of towers: of their weights, and only of those that can be averaged."""

import copy
from typing import Any

import pytest
import torch

from modeling_rali import RaliConfig, RaliModel
from modeling_rali.alignment.averaging import average, facts_of_average


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "texts": {"fingerprint": "a"},
        "num_degraded_images": 9,
        "minutes": 2.0,
        "settings": {"text_encoder": "minilm", "seed": 0},
        **changed,
    }


def test_weights_of_tower_and_projection_are_the_mean(tiny_clip: RaliModel) -> None:
    other = copy.deepcopy(tiny_clip)
    for weight in other.parameters():
        torch.nn.init.normal_(weight)
    mean = average([tiny_clip, other])
    first, second = tiny_clip.state_dict(), other.state_dict()
    averaged = 0
    for name, tensor in mean.state_dict().items():
        if name.startswith("head."):
            assert torch.equal(tensor, first[name])
        elif tensor.is_floating_point():
            torch.testing.assert_close(tensor, (first[name] + second[name]) / 2)
            averaged += 1
    assert averaged > 10


def test_another_architecture_is_refused(tiny_clip: RaliModel) -> None:
    config = RaliConfig.from_dict(tiny_clip.config.to_dict() | {"projection_dim": 7, "pca_dim": 4})
    with pytest.raises(ValueError, match=r"projection\.weight is not the same tensor in all models"):
        average([tiny_clip, RaliModel(config)])


def test_facts_are_those_of_the_parts() -> None:
    joint = facts_of_average({"a": facts(), "b": facts(minutes=3.0)})
    assert joint["minutes"] == 5.0
    assert joint["settings"]["text_encoder"] == "minilm"
    assert joint["parts"] == [facts(), facts(minutes=3.0)]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (facts(texts={"fingerprint": "b"}), "second was aligned with other texts than first"),
        (facts(settings={"text_encoder": "clip"}), "second is in the space of another text encoder than first"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(other: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        facts_of_average({"first": facts(), "second": other})

"""One tower out of several that were aligned from the same start: the mean of their weights."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..modeling_rali import RaliModel


@torch.no_grad()
def average(models: Sequence[RaliModel]) -> RaliModel:
    """The model whose tower and projection are the mean of those of `models` (model soups, arXiv 2203.05482).

    Runs from one start that differ in seed, losses or rates may end in one basin, where their mean can generalise better
    than each of them: compare on validation. It costs no more to run than one.

    Args:
        models: aligned, with a head still to be fitted; that of the first is kept.

    Raises:
        ValueError: if they do not have the same tensors, which the message names.
    """
    mean = copy.deepcopy(models[0])
    states = [model.state_dict() for model in models]
    for name, tensor in mean.state_dict().items():
        if name.startswith("head.") or not tensor.is_floating_point():
            continue
        parts = [state.get(name) for state in states]
        if any(part is None or part.shape != tensor.shape for part in parts):
            raise ValueError(f"{name} is not the same tensor in all models: average towers that began as one.")
        tensor.copy_(torch.stack([part.float() for part in parts if part is not None]).mean(0))
    return mean


def facts_of_average(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of an average, in the form of one alignment's, with those of its parts.

    Args:
        parts: name → facts of an alignment.

    Raises:
        ValueError: if two parts were aligned with other texts, or in the space of another text encoder.
    """
    first_name, first = next(iter(parts.items()))
    for name, facts in parts.items():
        if facts["texts"] != first["texts"]:
            raise ValueError(f"{name} was aligned with other texts than {first_name}: average those of the same.")
        if facts["settings"]["text_encoder"] != first["settings"]["text_encoder"]:
            raise ValueError(f"{name} is in the space of another text encoder than {first_name}: average those of one.")
    return {
        "texts": first["texts"],
        "num_degraded_images": first["num_degraded_images"],
        "minutes": sum(facts["minutes"] for facts in parts.values()),
        "settings": {"text_encoder": first["settings"]["text_encoder"]},
        "parts": list(parts.values()),
    }

"""Reasoning-aligned cross-domain training (RACT): the texts that one reasoner wrote about several datasets teach it to see.

The scores of datasets disagree in scale; what one reasoner says of all of them does not. Its vision encoder learns from
these texts alone, and the rest of it, which gives the words their meaning, stays as it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from transformers import PreTrainedModel, ProcessorMixin

from .describing import Picture
from .prompts import rating_messages
from .reasoner import load_reasoner, vision_tower
from .texts import TextsError, read_texts

MEASURED = "measured"
"""The teacher whose words are quantiles of the dataset it describes, and so mean something else in each."""


def read_one_reasoners_texts(folders: Sequence[str | Path]) -> Dataset:
    """The rows of several finished texts folders, as `texts.read_texts` has them, all by the same reasoner.

    Raises:
        TextsError: no folder, one that cannot be read, texts of different teachers or of the measured one, a picture that
            comes twice, or no picture to train on.
    """
    if not folders:
        raise TextsError("no texts: give the texts folders of recipes/describe.py, one for each dataset.")
    parts = {str(folder): read_texts(Path(folder)) for folder in folders}
    teachers = {folder: sorted(part.unique("teacher")) for folder, part in parts.items()}
    names = {name for own in teachers.values() for name in own}
    if len(names) > 1:
        whose = "; ".join(f"{folder} by {', '.join(own)}" for folder, own in teachers.items())
        raise TextsError(f"these are not one reasoner's texts: {whose}. Describe all datasets with one of them.")
    if names == {MEASURED}:
        raise TextsError(
            "these are no reasoner's texts: the measured teacher grades each dataset by its own quantiles, so that its "
            "words do not mean the same in all of them. Describe the datasets with a model that recipes/grpo.py trained."
        )
    rows = concatenate_datasets(list(parts.values()))
    seen: set[tuple[str, str]] = set()
    for key in zip(rows["dataset"], rows["image_id"], strict=True):
        if key in seen:
            raise TextsError(f"{key[1]} of {key[0]} comes twice in {', '.join(parts)}: give each dataset's texts once.")
        seen.add(key)
    if "train" not in rows.unique("split"):
        raise TextsError(f"{', '.join(parts)}: no picture is for training, all are for validation.")
    return rows


def reasoning_rows(texts: Dataset, processor: ProcessorMixin) -> tuple[Dataset, list[int]]:
    """Rows for supervised fine-tuning on texts alone: each text of each picture, up to where the answer begins.

    Args:
        texts: a row a picture, with the list texts.
        processor: of the model, whose chat template the prompt is written in.

    Returns:
        The rows, `prompt` and `completion` as plain text, and for each the number of its picture.
    """
    prompt = processor.apply_chat_template(rating_messages(), tokenize=False, add_generation_prompt=True)
    numbers: list[int] = []
    completions: list[str] = []
    for number, own in enumerate(texts["texts"]):
        for text in own:
            numbers.append(number)
            # Not the end of the turn, so that the model goes on to rate as it did; and not the tag's ">", because a
            # tokenizer may join it with what follows: these tokens are the first ones of any full answer.
            completions.append(f"<think>{text.strip()}</think><answer")
    return Dataset.from_dict({"prompt": [prompt] * len(numbers), "completion": completions}), numbers


def train_vision_encoder_alone(model: PreTrainedModel) -> None:
    """Leave all of the model as it is but the vision encoder, which is what the architecture itself calls so.

    In the Qwen families the merger of patches belongs to it; the projector of LLaVA and the connector of SmolVLM do not.

    Raises:
        ValueError: the model has no vision encoder of its own.
    """
    encoder = model.get_submodule(_vision_encoder(model))
    model.requires_grad_(False)
    encoder.requires_grad_(True)


def check_rest_unchanged(before: str, after: str, model_options: dict[str, Any] | None = None) -> None:
    """Check on the saved weights that training changed the vision encoder alone.

    Files are compared, and not what is in memory, so that it holds for shards of weights and over interruptions too.

    Args:
        before: folder or Hub id of the model that training began with.
        after: folder of the trained one.
        model_options: as the model was loaded for training, so that both are rounded alike.

    Raises:
        ValueError: another weight or buffer changed, or there are others.
    """
    models = [load_reasoner(name, model_options).model for name in (before, after)]
    encoder = _vision_encoder(models[0]) + "."
    changed = [name for name in changed_weights(*models) if not name.startswith(encoder)]
    if changed:
        raise ValueError(
            f"{after}: the vision encoder alone was to change, but {len(changed)} other weights are not those of {before}, "
            f"the first {changed[0]}: delete the folder, whose checkpoints may be of another run, and train again."
        )


def changed_weights(before: PreTrainedModel, after: PreTrainedModel) -> list[str]:
    """Names of the parameters and buffers that one of the models has with other values or not at all."""
    old, new = before.state_dict(), after.state_dict()
    return [
        name
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or not torch.equal(old[name], new[name])
    ]


def described_pictures(texts: Dataset) -> list[Picture]:
    """The undegraded pictures of the rows of texts folders, to be described anew."""
    columns = ("image", "image_id", "group", "dataset", "split", "mos", "quality")
    whole = texts.filter(lambda name: name is None, input_columns="degradation")
    return [Picture(*values) for values in zip(*(whole[name] for name in columns), strict=True)]


def _vision_encoder(model: PreTrainedModel) -> str:
    try:
        return vision_tower(model)
    except ValueError as error:
        raise ValueError(
            f"{type(model).__name__} has no vision encoder of its own to train: take another model"
        ) from error

"""Rows of a dataset for training a reasoner: a benchmark's pictures to rate, and texts to learn from."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset, Features, List, Value, concatenate_datasets

from modeling_rali.iqa_datasets import load_iqa_dataset

from .degradations import degrade
from .grpo_rewards import SCORE_RANGE
from .measured_teacher import Grading
from .measures import measure_pictures, measures_text
from .prompts import DEGRADATIONS, SEVERITIES, degradation_messages, rating_messages
from .stored_pictures import read_stored, undecoded

VALIDATION = "/validation"
"""What the name of a dataset ends with for its validation part, so that the two are ranked and reported apart."""

DEGRADED_BY = {"noise": "gaussian_noise", "compression": "jpeg", "blur": "gaussian_blur", "darken": "darken"}
"""What of `degradations` is done for each class of the degradation question; its five levels are the severities."""


def split_by_scenes(pictures: Dataset, scenes: str | Path) -> tuple[Dataset, Dataset]:
    """The train and the validation part of a benchmark's pictures, as the file of `recipes/scenes.py` has them.

    Raises:
        ValueError: the file is of other pictures.
    """
    sides = pd.read_csv(scenes, dtype={"image_id": str}).set_index("image_id")["split"]
    if set(sides.index) != set(pictures["image_id"]):
        raise ValueError(
            f"{scenes} names {len(sides)} pictures that are not the {len(pictures)} of the dataset: "
            "run recipes/scenes.py again"
        )
    side = sides.loc[list(pictures["image_id"])].to_numpy()
    train, validation = (pictures.select((side == name).nonzero()[0]) for name in ("train", "validation"))
    return train, validation


def named_paths(pairs: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=PATH` texts as a mapping.

    Raises:
        ValueError: one of them is not of this form, or a name comes twice; the message names `option`.
    """
    split = [pair.partition("=") for pair in pairs]
    for pair, (name, _, path) in zip(pairs, split, strict=True):
        if not name or not path:
            raise ValueError(f"{option} {pair}: give it as NAME=PATH, such as biq2021=data/BIQ2021")
    paths = {name: path for name, _, path in split}
    if len(paths) < len(split):
        raise ValueError(f"{option} names a dataset twice: {', '.join(pairs)}")
    return paths


def load_pictures(
    data: Mapping[str, str], scenes: Mapping[str, str], validation_images: int
) -> tuple[dict[str, Dataset], dict[str, Dataset]]:
    """The train split of one or several benchmarks, and what of it is set aside for validation, by their names.

    Args:
        data: folders of benchmarks by their names.
        scenes: files of `recipes/scenes.py` by the names of those that have a part set aside.
        validation_images: at most so many of each of these parts, the first ones.

    Raises:
        ValueError: scenes of a benchmark that is not among the data, or of other pictures; or a folder that is not what
            it has to be.
    """
    if unknown := set(scenes) - set(data):
        raise ValueError(f"scenes are given for {', '.join(sorted(unknown))}, which is not among the data")
    train = {name: load_iqa_dataset(name, folder, split="train") for name, folder in data.items()}
    validation: dict[str, Dataset] = {}
    for name, file in scenes.items():
        train[name], aside = split_by_scenes(train[name], file)
        validation[name + VALIDATION] = aside.select(range(min(validation_images, len(aside))))
    return train, validation


def seen_rows(sets: Mapping[str, Dataset], degraded_share: float = 0.0, seed: int = 0) -> Dataset:
    """Rows of `rating_rows` for a model that sees the pictures, which are in the column `image`.

    Args:
        sets: pictures by the name of their dataset.
        degraded_share: share of the pictures, in [0, 1], that have a row of `degradation_rows` besides.
        seed: of the draw of these pictures and of what is done to them.
    """
    pictures = concatenate_datasets([own.select_columns("image") for own in sets.values()])
    rows = concatenate_datasets([rating_rows(own, name) for name, own in sets.items()])
    rng = np.random.default_rng(seed)
    numbers = np.sort(rng.choice(len(rows), round(degraded_share * len(rows)), replace=False)).tolist()
    degraded = degradation_rows(rows, numbers, rng)
    return with_pictures(concatenate_datasets([rows, degraded]), pictures, [*range(len(rows)), *numbers])


def measured_rows(sets: Mapping[str, Dataset], grading: Grading) -> Dataset:
    """Rows of `rating_rows` for a model that reads the measured attributes of the pictures.

    Args:
        sets: pictures by the name of their dataset.
        grading: of the pictures it is trained on.
    """
    return concatenate_datasets(
        [
            rating_rows(pictures, name, [measures_text(measured, grading) for measured in measure_pictures(pictures)])
            for name, pictures in sets.items()
        ]
    )


def rating_rows(pictures: Dataset, name: str, measures: Sequence[str] | None = None) -> Dataset:
    """Rows for GRPO, one a picture: `prompt` and the columns of `grpo_rewards`; the pictures come by `with_pictures`.

    Args:
        pictures: of `load_iqa_dataset`: columns image_id and quality, in [0, 1].
        name: for the column `dataset`.
        measures: measured attributes in words, one text a picture, for a model that does not see it.
    """
    low, high = SCORE_RANGE
    prompts = [rating_messages(measures=measures[row] if measures else None) for row in range(len(pictures))]
    return Dataset.from_dict(
        {
            "prompt": prompts,
            "image_id": list(pictures["image_id"]),
            "dataset": [name] * len(pictures),
            "label": [low + quality * (high - low) for quality in pictures["quality"]],
            "task": ["rating"] * len(pictures),
            "degradation": [None] * len(pictures),
            "severity": [None] * len(pictures),
        },
        features=_features(sees=measures is None),
    )


def degradation_rows(rows: Dataset, numbers: Sequence[int], rng: np.random.Generator) -> Dataset:
    """Rows of the degradation task for some of the rows of `rating_rows`, every class and severity equally likely.

    What is asked for is done to the picture when it is read, by `with_pictures`. "null" is the picture as it is, also
    where it has flaws of its own.
    """
    classes = rng.choice(DEGRADATIONS, len(numbers)).tolist()
    severities = rng.choice(SEVERITIES, len(numbers)).tolist()
    return Dataset.from_dict(
        {
            "prompt": [degradation_messages()] * len(numbers),
            "image_id": [rows["image_id"][number] for number in numbers],
            "dataset": [rows["dataset"][number] for number in numbers],
            "label": [None] * len(numbers),
            "task": ["degradation"] * len(numbers),
            "degradation": classes,
            "severity": [None if name == "null" else how for name, how in zip(classes, severities, strict=True)],
        },
        features=rows.features,
    )


def rows_fingerprint(rows: Dataset) -> str:
    """A hash of which pictures the rows of `rating_rows` ask for, with their labels and tasks; none is read."""
    told = ["dataset", "image_id", "label", "task", "degradation", "severity"]
    table = rows.with_format(None).select_columns(told).to_pandas()
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def text_rows(texts: Dataset, measures: Sequence[str] | None = None) -> tuple[Dataset, list[int]]:
    """Rows for supervised fine-tuning: each text of each picture with its rating, as the answer to the rating question.

    The rating is the teacher's, and where it gave none the picture's own label.

    Args:
        texts: a row a picture, of `texts.read_texts`: the lists texts and ratings of like length, and quality, in [0, 1].
        measures: as `rating_rows`.

    Returns:
        The rows, `prompt` and `completion`, and for each the number of its picture.

    Raises:
        ValueError: a picture has another number of ratings than of texts, or neither a rating nor a label.
    """
    low, high = SCORE_RANGE
    numbers: list[int] = []
    completions: list[list[dict[str, str]]] = []
    for number, row in enumerate(texts.select_columns(["image_id", "texts", "ratings", "quality"])):
        if len(row["texts"]) != len(row["ratings"]):
            raise ValueError(
                f"{row['image_id']} has {len(row['texts'])} texts and {len(row['ratings'])} ratings: each text needs its own"
            )
        for text, rating in zip(row["texts"], row["ratings"], strict=True):
            if rating is None and row["quality"] is None:
                raise ValueError(
                    f"{row['image_id']} has a text without a rating, and no label: there is nothing to answer"
                )
            numbers.append(number)
            completions.append(answered(text, low + row["quality"] * (high - low) if rating is None else rating))
    prompts = [rating_messages(measures=measures[number] if measures else None) for number in numbers]
    return Dataset.from_dict({"prompt": prompts, "completion": completions}), numbers


def with_pictures(rows: Dataset, pictures: Dataset, numbers: Sequence[int] | None = None) -> Dataset:
    """The rows with a column `image`, decoded when a row is read, so that several rows of a picture hold it once.

    Args:
        rows: of `rating_rows` or `text_rows`.
        pictures: with the column image.
        numbers: of each row's picture; None where row and picture have the same.

    Returns:
        Rows whose reading raises `UnreadableImageError`, which names the file, where the picture cannot be shown.
    """
    numbered = rows.add_column("picture", list(range(len(rows)) if numbers is None else numbers))
    return numbered.with_transform(partial(_look_up, pictures=undecoded(pictures)))


def _features(sees: bool) -> Features:
    """Of the rows for GRPO; a null column would take no words when two sets of rows are joined."""
    text = Value("string")
    content = List({"type": text, "text": text}) if sees else text
    columns = dict.fromkeys(("image_id", "dataset", "task", "degradation", "severity"), text)
    return Features(prompt=List({"role": text, "content": content}), label=Value("float64"), **columns)


def _look_up(batch: dict[str, list[Any]], pictures: Dataset) -> dict[str, list[Any]]:
    images = [read_stored(pictures[number]["image"]) for number in batch["picture"]]
    for row, (name, severity) in enumerate(zip(batch.get("degradation", ()), batch.get("severity", ()), strict=True)):
        if severity is not None:
            level = SEVERITIES.index(severity) + 1
            images[row] = degrade(images[row], DEGRADED_BY[name], level, seed=batch["picture"][row])
    return {name: values for name, values in batch.items() if name != "picture"} | {"image": images}


def answered(reasoning: str, rating: float) -> list[dict[str, str]]:
    """The assistant's message that `parsing.parse_rating` reads back, the rating to two decimals."""
    text = f'<think>{reasoning.strip()}</think><answer>{{"rating": {rating:.2f}}}</answer>'
    return [{"role": "assistant", "content": text}]

"""Data-DeQA-Score metas: the field's shared JSON labels over any of the other sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, require

SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read <SET>/metas/*.json, `data_dir` being <SET>. A file's first word (train_…, test_…) is its split.

    quality = (gt_score_norm − 1) / 4, so it rests on the observed bounds of the set, not on the nominal ones.
    """
    folder = require(data_dir, "metas")
    files = sorted(folder.glob("*.json"))
    if not files:
        raise IQADatasetError(f"{folder} holds no .json file with labels")
    for file in files:
        split = SPLITS.get(file.stem.split("_")[0].lower())
        for index, item in enumerate(_items(file)):
            place = f"{file}, record {index}"
            absent = [key for key in ("image", "gt_score", "gt_score_norm") if item.get(key) is None]
            if absent:
                raise IQADatasetError(f"{place}: no value for {', '.join(absent)}")
            _, found, name = f"/{item['image']}".partition("/images/")
            if not found:
                raise IQADatasetError(f"{place}: the image {item['image']!r} is not in a folder images/")
            yield Record(
                image=name,
                mos=number(str(item["gt_score"]), place),
                mos_std=None if item.get("std") is None else number(str(item["std"]), place),
                split=split,
                quality=(number(str(item["gt_score_norm"]), place) - 1) / 4,
            )


def _items(file: Path) -> list[dict[str, Any]]:
    """The records of one file: a list, or an object with the list under "results" or "data"."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise IQADatasetError(f"{file} is not JSON: {error}") from error
    if isinstance(content, dict):
        content = content.get("results", content.get("data"))
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise IQADatasetError(f'{file} holds neither a list of records nor one under "results" or "data"')
    return content


DEQA_SCORE = Benchmark(
    name="deqa_score",
    title="Data-DeQA-Score metas",
    kind="any of the other sets",
    images=None,
    scale=None,
    score="as the set's own",
    licence="Apache-2.0 for the labels; the pictures keep their sets' terms",
    licence_id="other",
    redistributable=False,
    homepage="https://huggingface.co/datasets/zhiyuanyou/Data-DeQA-Score",
    layout="metas/train_*.json, metas/test_*.json\nimages/…",
    citation="""@inproceedings{you2025deqa,
  title     = {Teaching Large Language Models to Regress Accurate Image Quality Scores using Score Distribution},
  author    = {You, Zhiyuan and Cai, Xin and Gu, Jinjin and Xue, Tianfan and Dong, Chao},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year      = {2025}
}""",
    image_folders=(("images",),),
    read_labels=read_labels,
    columns=("mos_std",),
    note="mos is gt_score; quality is gt_score_norm mapped from 1–5, which rests on the set's observed bounds",
)

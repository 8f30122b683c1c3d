"""AGIQA-3K: pictures of six text-to-image generators, 300 prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .benchmark import Benchmark, IQADatasetError, Record
from .label_files import number, read_csv, require


def read_labels(data_dir: Path) -> Iterator[Record]:
    """Read data.csv; the score is mos_quality (mos_align, how well the prompt is met, is not quality).

    A name is generator_setting_number.jpg, and all pictures of one prompt share the number.
    """
    required = ("name", "prompt", "mos_quality", "std_quality")
    for place, row in read_csv(require(data_dir, "data.csv"), *required):
        parts = row["name"].rsplit("_", 2)
        if len(parts) != 3:
            raise IQADatasetError(f"{place}: {row['name']!r} is not of the form generator_setting_number.jpg")
        yield Record(
            image=row["name"],
            mos=number(row["mos_quality"], place),
            mos_std=number(row["std_quality"], place),
            prompt=row["prompt"],
            generator=parts[0],
            group=row["prompt"],
        )


AGIQA3K = Benchmark(
    name="agiqa3k",
    title="AGIQA-3K",
    kind="AI-generated",
    images=2_982,
    scale=(0, 5),
    score="MOS 0–5",
    licence="MIT",
    licence_id="mit",
    redistributable=True,
    homepage="https://github.com/lcysyzxdxc/AGIQA-3k-Database",
    layout="data.csv\n*.jpg beside it, or images/*.jpg",
    citation="""@article{li2023agiqa,
  title   = {AGIQA-3K: An Open Database for AI-Generated Image Quality Assessment},
  author  = {Li, Chunyi and Zhang, Zicheng and Wu, Haoning and Sun, Wei and Min, Xiongkuo and Liu, Xiaohong
             and Zhai, Guangtao and Lin, Weisi},
  journal = {IEEE Transactions on Circuits and Systems for Video Technology},
  year    = {2023}
}""",
    image_folders=(("images",), (".",)),
    read_labels=read_labels,
    columns=("mos_std", "prompt", "generator"),
    grouped_by="prompt",
)

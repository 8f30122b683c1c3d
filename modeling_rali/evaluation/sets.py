"""What is evaluated on: one split of one benchmark, with what has to be said about figures on it."""

from dataclasses import dataclass
from pathlib import Path

from ..iqa_datasets import Record, default_eval_split, read_folder
from ..iqa_datasets.loading import raise_for_problems, select_split


@dataclass(frozen=True)
class EvaluationSet:
    """The labelled pictures of a split.

    Args:
        dataset: the benchmark's name.
        title: the benchmark's name in print.
        split: "train", "validation", "test", or "all".
        data_dir: the folder it was read from.
        pictures: each record with the path of its picture and its quality, higher is better.
        missing: records without a picture, each with its quality; only where that was allowed.
        columns: the optional columns that this set has values for.
        n_published: pictures of the split where the owners define it, else of the whole set; `None` for a folder of
            one's own.
        notes: what a reader of figures on these pictures has to know.
    """

    dataset: str
    title: str
    split: str
    data_dir: Path
    pictures: tuple[tuple[Record, str, float], ...]
    missing: tuple[tuple[Record, float], ...]
    columns: tuple[str, ...]
    n_published: int | None
    notes: tuple[str, ...]


def read_set(name: str, data_dir: Path, split: str | None = None, *, allow_missing: bool = False) -> EvaluationSet:
    """Read the labels of a benchmark in the folder that its owners' archive unpacks to.

    Args:
        name: the benchmark's name.
        data_dir: its folder.
        split: `None` for `default_eval_split`: the test pictures where labels or owners name them, else all.
        allow_missing: take labels without a picture for pictures that fail, and not for an error.

    Raises:
        IQADatasetError: for a wrong or incomplete folder, or a split that is not there.
    """
    split = split or default_eval_split(name, data_dir)
    folder = read_folder(name, data_dir)
    raise_for_problems(folder, allow_missing)
    pictures, missing = select_split(folder, split)
    benchmark = folder.benchmark
    n, n_published = len(pictures) + len(missing), benchmark.official_splits.get(split, benchmark.images)
    notes = []
    if benchmark.split_leaks and split in benchmark.official_splits:
        notes.append(f"the split leaks: {benchmark.split_leaks}")
    if folder.hashed and split != "all":
        notes.append(
            f"the owners define no split: this part is ours, by a hash of the {benchmark.grouped_by or 'image'}"
        )
    elif n_published and n < n_published:
        notes.append(f"an excerpt, {n:,} of the {n_published:,} pictures published: not the benchmark's own figures")
    return EvaluationSet(
        dataset=name,
        title=benchmark.title if benchmark.images else name,
        split=split,
        data_dir=folder.data_dir,
        pictures=tuple((record, path, benchmark.quality(record)) for record, path in pictures),
        missing=tuple((record, benchmark.quality(record)) for record in missing),
        columns=benchmark.columns,
        n_published=n_published,
        notes=tuple(notes),
    )

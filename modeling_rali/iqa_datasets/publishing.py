"""Pushing a loaded benchmark to the Hub: parquet with the pictures in it, and a card that says what it is."""

from __future__ import annotations

from pathlib import Path

from datasets import DatasetDict
from huggingface_hub import DatasetCard, DatasetCardData, HfApi

from .benchmark import IQADatasetError
from .catalogue import get_benchmark
from .folders import LabelledFolder, read_folder
from .loading import features_of, load_iqa_dataset
from .splits import SPLITS, TRAIN_SHARE, VALIDATION_SHARE

CARD_TEMPLATE = Path(__file__).parents[1] / "hub_cards" / "dataset_card.md"
MEANINGS = {
    "image": "the picture",
    "image_id": "its name in the owners' label file",
    "mos": "the mean opinion score, on the owners' scale and in its direction",
    "quality": "the score mapped to 0–1, higher is better",
    "group": "what a split must not cut in two (reference, prompt or scene); null where the set names none",
    "mos_std": "the standard deviation of the ratings; null where the files at hand lack it",
    "reference": "the undistorted picture it was made from",
    "distortion": "what was done to the reference",
    "level": "how strongly, 1 is weakest",
    "prompt": "the text that the picture was generated from",
    "generator": "the model that generated it",
}


def push_iqa_dataset(
    name: str,
    data_dir: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    scale: tuple[float, float] | None = None,
    seed: int = 0,
    num_proc: int | None = None,
) -> str:
    """Push every split of a set to the dataset repository `repo_id`, made if need be, and return its address.

    The parquet files hold the pictures' bytes; `datasets.load_dataset(repo_id)` gives back the columns of
    `load_iqa_dataset`. `scale` and `seed` are as there. Raises IQADatasetError, before anything is sent, for a set that
    its owners do not allow to be passed on unless `private`, and for a folder that cannot be loaded.
    """
    benchmark = get_benchmark(name)
    if not benchmark.redistributable and not private:
        raise IQADatasetError(
            f"{benchmark.title} is not pushed to a public repository, as its owners do not clearly allow to pass it on "
            f"(licence: {benchmark.licence}); a private one is possible: private=True, or --private"
        )
    folder = read_folder(name, data_dir, scale=scale, seed=seed)
    found = {record.split for record, _ in folder.pictures}
    splits = DatasetDict(
        {
            split: load_iqa_dataset(name, data_dir, split, scale=scale, seed=seed, num_proc=num_proc)
            for split in SPLITS
            if split in found
        }
    )
    if not splits:
        raise IQADatasetError(f"the label files in {data_dir} name no split of {', '.join(SPLITS)}: nothing to push")

    api = HfApi()
    address = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
    if private and not api.repo_info(address.repo_id, repo_type="dataset").private:
        raise IQADatasetError(f"{address.repo_id} exists and is public: make it private first, or push elsewhere")
    counts = {split: len(part) for split, part in splits.items()}
    card = dataset_card(folder, address.repo_id, counts, seed)
    # The card goes first: push_to_hub adds its own metadata to the head of a card that is there and keeps the text.
    card.push_to_hub(address.repo_id, repo_type="dataset", commit_message=f"Card of {benchmark.title}")
    splits.push_to_hub(address.repo_id, commit_message=f"{benchmark.title}: {sum(counts.values()):,} pictures")
    return str(address)


def dataset_card(folder: LabelledFolder, repo_id: str, counts: dict[str, int], seed: int) -> DatasetCard:
    """The card of a pushed set, with the number of pictures in each split."""
    benchmark = folder.benchmark
    hashed = (
        f"The owners define no split. A BLAKE2b hash (seed {seed}) of each {benchmark.grouped_by or 'image'} decides: "
        f"{TRAIN_SHARE:.0%} train, {VALIDATION_SHARE:.0%} validation, the rest test, no group in two of them."
    )
    direction = "Higher is better" if benchmark.higher_is_better else "Lower is better"
    mapped = (
        "`quality` is as the label files norm it"
        if benchmark.scale is None
        else "`quality` = (mos − {0:g}) / ({1:g} − {0:g}), from the nominal bounds".format(*benchmark.scale)
    )
    total = sum(counts.values())
    return DatasetCard.from_template(
        DatasetCardData(
            license=benchmark.licence_id,
            pretty_name=benchmark.title,
            tags=["image-quality-assessment", "no-reference", "mos"],
            size_categories="n<1K" if total < 1_000 else "1K<n<10K" if total < 10_000 else "10K<n<100K",
        ),
        template_path=str(CARD_TEMPLATE),
        benchmark=benchmark,
        repo_id=repo_id,
        counts=counts,
        total=f"{total:,}",
        excerpt=folder.excerpt,
        split_story=hashed if folder.hashed else "The split is the one that the label files give.",
        scale_story=f"{direction} in `mos`; {mapped}.",
        columns=[
            (name, "image" if name == "image" else feature.dtype, MEANINGS[name])
            for name, feature in features_of(benchmark).items()
        ],
    )

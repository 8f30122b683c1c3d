"""Every set: from its official layout to a dataset, streamed or not, in one process or two, cached or changed."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Image
from PIL import Image as PILImage

from modeling_rali.iqa_datasets import (
    BENCHMARKS,
    IQADatasetError,
    MissingPicturesWarning,
    get_benchmark,
    load_iqa_dataset,
    read_folder,
)

from .layouts import LAYOUTS, picture

MakeSet = Callable[[str], Path]


def test_every_set_has_a_layout_under_test() -> None:
    assert set(LAYOUTS) == set(BENCHMARKS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_set_loads_whole_from_its_official_layout(name: str, make_set: MakeSet) -> None:
    folder = make_set(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = load_iqa_dataset(name, folder)
    benchmark = get_benchmark(name)
    assert len(dataset) == len(benchmark.records(folder)) > 0
    assert set(dataset.column_names) == {"image", "image_id", "mos", "quality", "group", *benchmark.columns}
    assert dataset[0]["image"].size == (12, 8)
    assert min(dataset["quality"]) >= 0
    assert max(dataset["quality"]) <= 1
    for column in benchmark.columns:
        assert name == "folder" or None not in dataset[column]
    assert (benchmark.grouped_by is None) == (set(dataset["group"]) == {None})


@pytest.mark.parametrize("name", LAYOUTS)
def test_quality_rises_with_mos_unless_lower_is_better(name: str, make_set: MakeSet) -> None:
    dataset = load_iqa_dataset(name, make_set(name))
    by_mos = [quality for _, quality in sorted(zip(dataset["mos"], dataset["quality"], strict=True))]
    assert by_mos == sorted(by_mos, reverse=not get_benchmark(name).higher_is_better)
    assert by_mos[0] != by_mos[-1]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_splits_part_the_set_and_cut_no_group(name: str, make_set: MakeSet) -> None:
    folder = make_set(name)
    sides: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    present = {record.split for record, _ in read_folder(name, folder).pictures}
    for split in sorted(present - {None}, key=str):
        part = load_iqa_dataset(name, folder, split)
        sides[str(split)] = set(part["image_id"])
        groups[str(split)] = {group for group in part["group"] if group is not None}
    assert len(sides) >= 2
    assert sum(map(len, sides.values())) == len(set.union(*sides.values()))
    assert set.union(*sides.values()) == set(load_iqa_dataset(name, folder, "all")["image_id"])
    assert sum(map(len, groups.values())) == len(set.union(*groups.values()))


@pytest.mark.parametrize("name", ["koniq10k", "csiq", "folder"])
def test_streaming_gives_the_same_rows(name: str, make_set: MakeSet) -> None:
    folder = make_set(name)
    whole = load_iqa_dataset(name, folder)
    streamed = load_iqa_dataset(name, folder, streaming=True)
    assert streamed.info.description == whole.info.description
    assert streamed.num_shards > 1
    for ours, theirs in zip(streamed, whole, strict=True):
        assert ours.pop("image").tobytes() == theirs.pop("image").tobytes()
        assert ours == theirs


def test_two_processes_give_the_same_rows_as_one(
    make_set: MakeSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_set("kadid10k")
    one = load_iqa_dataset("kadid10k", folder).cast_column("image", Image(decode=False))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "another_cache")
    two = load_iqa_dataset("kadid10k", folder, num_proc=2).cast_column("image", Image(decode=False))
    assert two.to_list() == one.to_list()


def test_the_arrow_file_holds_paths_and_no_pixels(make_set: MakeSet) -> None:
    dataset = load_iqa_dataset("biq2021", make_set("biq2021")).cast_column("image", Image(decode=False))
    assert all(row["image"]["bytes"] is None and Path(row["image"]["path"]).is_file() for row in dataset)


def test_an_unchanged_folder_is_answered_from_the_cache(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    first, again = load_iqa_dataset("biq2021", folder), load_iqa_dataset("biq2021", folder)
    assert first.cache_files == again.cache_files
    written = Path(first.cache_files[0]["filename"]).stat().st_mtime_ns
    assert Path(load_iqa_dataset("biq2021", folder).cache_files[0]["filename"]).stat().st_mtime_ns == written


def test_a_changed_label_file_is_not_answered_from_the_cache(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    before = load_iqa_dataset("biq2021", folder, "test")["mos"][0]
    labels = folder / "Test (Images and MOS).csv"
    stamps = labels.stat()
    labels.write_text(labels.read_text().replace(str(before), "0.123"))
    os.utime(labels, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert load_iqa_dataset("biq2021", folder, "test")["mos"][0] == 0.123


def test_a_moved_picture_is_not_answered_from_the_cache(make_set: MakeSet) -> None:
    folder = make_set("koniq10k")
    load_iqa_dataset("koniq10k", folder)
    (folder / "1024x768").rename(folder / "512x384")
    image = load_iqa_dataset("koniq10k", folder).cast_column("image", Image(decode=False))[0]["image"]
    assert Path(image["path"]).parent.name == "512x384"
    Path(image["path"]).unlink()
    with pytest.raises(IQADatasetError, match="without their picture"):
        load_iqa_dataset("koniq10k", folder)


def test_a_label_without_its_picture_is_an_error_that_names_it(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    (folder / "Images" / "ss02 (3).jpg").unlink()
    with pytest.raises(IQADatasetError, match=r"labels without their picture \(1\): ss02 \(3\)\.jpg.*allow_missing"):
        load_iqa_dataset("biq2021", folder, "train")


def test_allow_missing_goes_on_and_says_what_it_left_out(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    (folder / "Images" / "ss02 (3).jpg").unlink()
    with pytest.warns(MissingPicturesWarning, match=r"labels left out .* \(1\): .*ss02 \(3\)\.jpg") as caught:
        dataset = load_iqa_dataset("biq2021", folder, "test", allow_missing=True)
    assert dataset["image_id"] == ["ss02 (1).jpg", "ss02 (2).jpg"]
    assert caught[0].message.images == ("ss02 (3).jpg",)  # type: ignore[union-attr]
    assert "2 pictures. Labels left out" in dataset.info.description
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_iqa_dataset("biq2021", folder, "train", allow_missing=True)) == 5


def test_a_picture_without_a_label_gives_a_warning_that_names_it(make_set: MakeSet) -> None:
    folder = make_set("biq2021")
    picture(folder / "Images" / "ss09 (1).jpg")
    with pytest.warns(UserWarning, match=r"pictures without a label \(1\): .*ss09 \(1\)\.jpg"):
        dataset = load_iqa_dataset("biq2021", folder, "test")
    assert len(dataset) == 3


def test_the_default_split_is_the_official_test_or_all(make_set: MakeSet) -> None:
    from modeling_rali.iqa_datasets import default_eval_split

    defaults = {name: default_eval_split(name, make_set(name)) for name in LAYOUTS}
    assert {name for name, split in defaults.items() if split == "test"} == {"koniq10k", "biq2021", "deqa_score"}
    assert set(defaults.values()) == {"test", "all"}


def test_an_unknown_set_or_split_is_an_error_that_lists_those_there_are(make_set: MakeSet) -> None:
    with pytest.raises(IQADatasetError, match="koniq10k, spaq"):
        load_iqa_dataset("koniq", "anywhere")
    with pytest.raises(IQADatasetError, match="no picture in the split 'validation'; there are test, train, all"):
        load_iqa_dataset("biq2021", make_set("biq2021"), "validation")


def test_a_seed_draws_other_splits_and_the_same_seed_the_same(make_set: MakeSet) -> None:
    folder = make_set("kadid10k")
    tests = [load_iqa_dataset("kadid10k", folder, "test", seed=seed)["group"] for seed in (0, 1, 0)]
    assert tests[0] == tests[2] != tests[1]


def test_num_proc_with_streaming_is_refused(make_set: MakeSet) -> None:
    with pytest.raises(ValueError, match="num_proc"):
        load_iqa_dataset("biq2021", make_set("biq2021"), streaming=True, num_proc=2)


def test_a_scale_is_for_plain_folders_only(make_set: MakeSet) -> None:
    with pytest.raises(IQADatasetError, match="its owners' to say"):
        load_iqa_dataset("biq2021", make_set("biq2021"), scale=(0, 1))


def test_the_shared_excerpts_load_whole(shared_dir: Path) -> None:
    biq = shared_dir / "data" / "BIQ2021"
    assert [len(load_iqa_dataset("biq2021", biq, split)) for split in ("train", "test", None)] == [320, 159, 479]
    agiqa = load_iqa_dataset("agiqa3k", shared_dir / "data" / "AGIQA-3K")
    assert len(agiqa) == 120
    assert len(set(agiqa["prompt"])) == 12
    assert len(set(agiqa["generator"])) == 6
    with PILImage.open(agiqa.cast_column("image", Image(decode=False))[0]["image"]["path"]) as direct:
        assert agiqa[0]["image"].tobytes() == direct.convert("RGB").tobytes()


def test_a_sidecar_or_an_argument_gives_a_folder_its_scale(make_set: MakeSet) -> None:
    folder = make_set("folder")
    from_sidecar = load_iqa_dataset("folder", folder)
    assert from_sidecar[0]["quality"] == 1
    (folder / "scores.json").unlink()
    with pytest.raises(IQADatasetError, match="scale"):
        load_iqa_dataset("folder", folder)
    assert load_iqa_dataset("folder", folder, scale=(5, 1))[0]["quality"] == 0
    with pytest.raises(IQADatasetError, match="same worst and best"):
        load_iqa_dataset("folder", folder, scale=(3, 3))

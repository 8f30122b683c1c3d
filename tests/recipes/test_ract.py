"""The recipe of RACT, as a user starts it, on tiny models of the real architectures."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from modeling_rali.reasoning.texts import TextsFolder, read_facts, read_texts
from tests.tiny_benchmark import save_biq2021

from .conftest import RECIPES, SIZES

SHORT = {"eval_strategy": "steps", "save_steps": 1, "texts_per_image": 2, "max_new_tokens": 6, "shard_size": 4}
"""What makes a run small, over what is small for every recipe."""

Write = Callable[..., Path]
Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_biq2021(tmp_path_factory.mktemp("benchmark"), train=6, validation=2)[0] / "Images"


@pytest.fixture
def write_texts(pictures: Path, tmp_path: Path) -> Write:
    """Write a teacher's two texts for each of three pictures to train on and one for validation, of some dataset."""

    def write(teacher: str, dataset: str, **changes: Any) -> Path:
        rows = [
            {
                "image": str(pictures / f"ss{number}.jpg"),
                "image_id": f"ss{number}.jpg",
                "source_id": f"ss{number}.jpg",
                "group": str(number),
                "dataset": dataset,
                "split": "train" if number % 4 else "validation",
                "mos": 50.0,
                "quality": 0.5,
                "degradation": None,
                "texts": ["It is sharp.", "It is soft."],
                "ratings": [4.0, None],
                "teacher": teacher,
                "seeds": [0, 1],
                **changes,
            }
            for number in (range(4) if dataset == "biq2021" else range(4, 8))
        ]
        folder = tmp_path / f"texts-{dataset}-{Path(teacher).name}"
        TextsFolder(folder, {"teacher": teacher, "dataset": dataset}, num_shards=1).write_shard(0, rows)
        return folder

    return write


@pytest.fixture
def ract(train: Run, write_texts: Write, tiny_reasoner: Callable[[str], Path]) -> Run:
    """Run the recipe with a YAML file and changes to it on the texts that a tiny reasoner wrote about two datasets.

    It trains that reasoner, unless the changes name another one. Gives the trainer's log.
    """

    def run_recipe(config: str, family: str, output: Path, **changes: Any) -> list[dict[str, Any]]:
        teacher = str(tiny_reasoner(family))
        texts = [str(write_texts(teacher, dataset)) for dataset in ("biq2021", "spaq")]
        return train("ract", config, output, **SHORT | {"texts": texts} | changes)

    return run_recipe


def changed(before: Path, after: Path) -> set[str]:
    """Names of the saved weights that differ."""
    old, new = (load_file(folder / "model.safetensors") for folder in (before, after))
    assert old.keys() == new.keys()
    return {name for name in old if not torch.equal(old[name], new[name])}


TRIED = [
    ("default", "qwen2_5_vl"),
    ("default", "idefics3"),
    ("default", "llava"),
    ("texts-and-scores", "qwen2_5_vl"),
    ("encoder-and-llm", "qwen2_5_vl"),
    ("encoder-and-llm-texts-and-scores", "qwen2_5_vl"),
]
"""YAML file and family."""


def test_all_configs_are_tried_here() -> None:
    assert {path.stem for path in (RECIPES / "configs" / "ract").glob("*.yaml")} == {config for config, _ in TRIED}


@pytest.mark.parametrize(("config", "family"), TRIED)
def test_config_trains_what_it_says_and_ends_in_texts_of_all_datasets(
    config: str, family: str, ract: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    log = ract(config, family, output, processor_options=SIZES.get(family, {}), learning_rate=1e-2)
    assert all(entry["grad_norm"] > 0 for entry in log if "loss" in entry)
    assert any("eval_loss" in entry for entry in log)
    names = changed(tiny_reasoner(family), output)
    assert any("vis" in name for name in names)
    assert all("vis" in name for name in names) == (not config.startswith("encoder-and-llm"))

    rows = read_texts(output / "texts")
    assert read_facts(output / "texts")["teacher"] == str(output)
    assert {(row["dataset"], row["image_id"]) for row in rows} == {
        ("biq2021" if number < 4 else "spaq", f"ss{number}.jpg") for number in range(8)
    }
    assert all(len(row["texts"]) == 2 and row["teacher"] == str(output) and row["mos"] == 50 for row in rows)
    assert {row["split"] for row in rows} == {"train", "validation"}


def test_texts_are_learnt_and_a_killed_run_goes_on_to_the_same_end(
    ract: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    changes = {"learning_rate": 1e-2, "max_steps": 8, "save_steps": 4, "eval_steps": 4}
    log = ract("default", "qwen2_5_vl", tmp_path / "whole", **changes)
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < losses[0]
    killed = tmp_path / "killed"
    for name in ("checkpoint-4", "settings.json"):
        copy = shutil.copytree if name.startswith("checkpoint") else shutil.copy
        killed.mkdir(exist_ok=True)
        copy(tmp_path / "whole" / name, killed / name)
    assert ract("default", "qwen2_5_vl", killed, **changes)[-2]["eval_loss"] == log[-2]["eval_loss"]
    assert changed(tmp_path / "whole", killed) == set()
    texts = [read_texts(folder / "texts")["texts"] for folder in (tmp_path / "whole", killed)]
    assert list(texts[0]) == list(texts[1])

    # Interrupted while it describes: what is there already is not written again
    first, *others = sorted((killed / "texts").glob("*.parquet"))
    written = first.stat().st_mtime_ns
    for shard in others:
        shard.unlink()
    ract("default", "qwen2_5_vl", killed, **changes)
    assert first.stat().st_mtime_ns == written
    assert list(read_texts(killed / "texts")["texts"]) == list(texts[0])

    with pytest.raises(SystemExit, match=r"holds a run with other settings \(learning_rate\)"):
        ract("default", "qwen2_5_vl", killed, **changes | {"learning_rate": 1e-3})


def test_a_run_whose_language_model_changed_ends_in_an_error_and_no_texts(ract: Run, tmp_path: Path) -> None:
    ract("default", "llava", tmp_path / "whole")
    spoiled = tmp_path / "spoiled"
    shutil.copytree(tmp_path / "whole" / "checkpoint-1", spoiled / "checkpoint-1")
    weights = spoiled / "checkpoint-1" / "model.safetensors"
    tensors = load_file(weights)
    name = next(name for name in tensors if "language_model" in name and "q_proj" in name)
    tensors[name][0, 0] += 0.5
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"the vision encoder alone was to change, but 1 other weights.*q_proj"):
        ract("default", "llava", spoiled)
    assert not (spoiled / "texts").exists()


def test_another_model_learns_from_texts_of_a_reasoner_without_eyes(
    ract: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=r"llama sees no pictures, so it has no eyes to train: pass --model"):
        ract("default", "llama", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    ract("default", "llama", tmp_path / "run", model=str(tiny_reasoner("llava")))
    assert changed(tiny_reasoner("llava"), tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"pass --texts, a folder of recipes/describe\.py for each dataset"),
        (["--texts", "NOWHERE"], r"has no texts\.json"),
        (["--texts", "ONE", "OTHER"], r"not one reasoner's texts: .* Describe all datasets with one of them"),
        (["--texts", "MEASURED"], r"these are no reasoner's texts"),
        (["--texts", "LOST"], r"4 pictures of .* are not there"),
        (["--texts", "UNRATED", "--learn_ratings", "true"], r"has a text without a rating, and no label"),
        (["--texts", "TRAINING"], r"the texts are of no picture for validation: pass --eval_strategy no"),
        (["--texts", "ONE", "--model", "no/where/at-all"], r"The model no/where/at-all cannot be loaded"),
        (["--texts", "OTHER"], r"(?s)The model no/such/reasoner cannot be loaded.*Pass --model, where"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_said_before_anything_starts(
    arguments: list[str],
    message: str,
    run: Callable[..., str],
    write_texts: Write,
    tiny_reasoner: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    llava = str(tiny_reasoner("llava"))
    places = {
        "NOWHERE": tmp_path,
        "ONE": write_texts(llava, "biq2021"),
        "OTHER": write_texts("no/such/reasoner", "spaq"),
        "MEASURED": write_texts("measured", "spaq"),
        "LOST": write_texts(llava, "lost", image="/nowhere/a.png"),
        "UNRATED": write_texts(llava, "unrated", quality=None),
        "TRAINING": write_texts(llava, "training", split="train"),
    }
    small = ["--use_cpu", "true", "--bf16", "false"]
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(SystemExit, match=message):
        run("ract.py", *(places.get(text, text) for text in arguments), *small)
    assert set(tmp_path.iterdir()) == before

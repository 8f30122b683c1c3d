"""The recipe of reinforcement learning, as a user starts it, on tiny models of the real architectures."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file

from tests.tiny_benchmark import save_biq2021

from .conftest import RECIPES, SIZES, save_small

if TYPE_CHECKING:
    from tests.hub_server import Hub

CONFIGS = RECIPES / "configs" / "grpo"
SHORT = {
    "max_steps": 1,
    "eval_steps": 1,
    "num_generations": 2,
    "max_completion_length": 8,
    "per_device_eval_batch_size": 4,
    "num_generations_eval": 2,
}
"""What makes a run small, over what is small for every recipe."""

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return save_biq2021(tmp_path_factory.mktemp("benchmark"), train=16, validation=4)


@pytest.fixture
def grpo(train: Run, benchmark: tuple[Path, Path]) -> Run:
    """Run the recipe with a YAML file and changes to it on the small benchmark; give the trainer's log."""
    data, scenes = ([f"biq2021={path}"] for path in benchmark)
    return lambda config, output, **changes: train(
        "grpo", config, output, **SHORT | {"data": data, "scenes": scenes} | changes
    )


TRIED = [
    ("default", "qwen2_5_vl"),
    ("qwen2.5-vl-7b", "qwen2_5_vl"),
    ("qwen3-vl", "qwen3_vl"),
    ("smolvlm", "idefics3"),
    ("smollm2-measured", "llama"),
    *(("tiny", family) for family in ("qwen2_5_vl", "idefics3", "llava")),  # with every reward
]
"""YAML file and family."""


def test_all_configs_are_tried_here() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {config for config, _ in TRIED}


@pytest.mark.parametrize(("config", "family"), TRIED)
def test_config_trains_its_family(
    config: str, family: str, grpo: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    log = grpo(config, tmp_path / "run", model=str(tiny_reasoner(family)), processor_options=SIZES.get(family, {}))
    assert any("ratings/parse_rate" in entry for entry in log)
    settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())
    assert any("eval_srcc" in entry for entry in log) == (settings["eval_strategy"] != "no")
    saved = {path.name for path in (tmp_path / "run").iterdir()}
    assert ("grading.json" in saved) == (family == "llama")
    assert ("adapter_config.json" if settings.get("lora") else "model.safetensors") in saved


def test_readable_ratings_earn_and_teach_and_a_killed_run_goes_on_to_the_same_end(
    grpo: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    model = tiny_reasoner("answering_llava")
    changes = {
        "model": str(model),
        "lora": None,
        "learning_rate": 1e-2,
        "lr_scheduler_type": "constant",
        "max_steps": 4,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "bank_size": 3,
        "max_completion_length": 10,
        "eval_steps": 2,
        "save_steps": 2,
    }
    log = grpo("default", tmp_path / "whole", **changes)
    steps = [entry for entry in log if "loss" in entry]
    assert len(steps) == 4
    for step in steps:
        assert step["grad_norm"] > 0
        assert step["rewards/format/mean"] == pytest.approx(step["ratings/parse_rate"])
        assert step["rewards/srcc/std"] > 0
        assert 0.5 < step["ratings/parse_rate"] <= 1
        assert step["ratings/spread"] > 0
        assert -1 <= step["ratings/biq2021/srcc"] <= 1
    evaluations = [entry for entry in log if "eval_srcc" in entry]
    assert [entry["step"] for entry in evaluations] == [2, 4]
    assert all(-1 <= entry[name] <= 1 for entry in evaluations for name in ("eval_srcc", "eval_plcc"))

    # What a run leaves that was killed while it wrote its second checkpoint
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path / "whole" / "checkpoint-2", killed / "checkpoint-2")
    shutil.copytree(tmp_path / "whole" / "checkpoint-4", killed / "checkpoint-4")
    (killed / "checkpoint-4" / "trainer_state.json").unlink()
    state = json.loads((killed / "checkpoint-2" / "trainer_state.json").read_text())
    kept = state["stateful_callbacks"]["RatingBank"]["attributes"]["entries"]
    assert {name: len(images) for name, images in kept.items()} == {"biq2021": 3, "biq2021/validation": 3}

    resumed = grpo("default", killed, **changes)
    assert [entry for entry in resumed if "eval_srcc" in entry] == evaluations
    ends = [load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", killed)]
    begun = load_file(model / "model.safetensors")
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert any(not torch.equal(ends[0][name], begun[name]) for name in begun)
    # The vision tower is frozen by this YAML file
    assert all(torch.equal(ends[0][name], begun[name]) for name in begun if "vision_tower" in name)

    weights = killed / "model.safetensors"
    trained = weights.stat().st_mtime_ns
    grpo("default", killed, **changes)
    assert weights.stat().st_mtime_ns == trained  # what is done is left alone
    with pytest.raises(SystemExit, match=r"holds a run with other settings \(bank_size, rewards\)"):
        grpo("default", killed, **changes | {"rewards": ["format", "fidelity"], "bank_size": 0})


def test_adapters_of_a_killed_run_go_on_to_the_same_end(
    grpo: Run, tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    changes = {"model": str(tiny_reasoner("answering_llava")), "learning_rate": 1e-2, "max_steps": 2, "save_steps": 1}
    changes |= {"per_device_train_batch_size": 8, "max_completion_length": 10, "eval_strategy": "no"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    grpo("default", whole, **changes)
    shutil.copytree(whole / "checkpoint-1", killed / "checkpoint-1")
    grpo("default", killed, **changes)
    begun, *ends = (load_file(at / "adapter_model.safetensors") for at in (whole / "checkpoint-1", whole, killed))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert any(not torch.equal(ends[0][name], begun[name]) for name in begun)


def test_two_processes_train_one_model(
    benchmark: tuple[Path, Path], tiny_reasoner: Callable[[str], Path], tmp_path: Path
) -> None:
    data, scenes = ([f"biq2021={path}"] for path in benchmark)
    model, output = str(tiny_reasoner("answering_llava")), str(tmp_path / "run")
    changes: dict[str, Any] = {"model": model, "output_dir": output, "data": data}
    changes |= {"scenes": scenes, "num_generations": 4, "max_completion_length": 10}
    save_small(tmp_path / "config.yaml", "grpo", "default", **SHORT | changes)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    launch += [str(RECIPES / "grpo.py"), "--config", str(tmp_path / "config.yaml")]
    done = subprocess.run(
        launch, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    log = json.loads((tmp_path / "run" / "trainer_state.json").read_text())["log_history"]
    (step,) = (entry for entry in log if "loss" in entry)
    assert step["num_tokens"] > 0
    assert step["grad_norm"] > 0
    assert -1 <= step["ratings/biq2021/srcc"] <= 1  # of two images, each process having seen one
    assert any("eval_srcc" in entry for entry in log)


def test_reasoner_is_pushed_with_its_adapter_and_card(
    grpo: Run, tiny_reasoner: Callable[[str], Path], hub: "Hub", tmp_path: Path
) -> None:
    pushed = {"push_to_hub": True, "hub_model_id": "tester/reasoner", "eval_strategy": "no", "save_strategy": "no"}
    grpo("smollm2-measured", tmp_path / "run", model=str(tiny_reasoner("llama")), **pushed)
    files = hub.repos["models/tester/reasoner"].files
    assert files["adapter_model.safetensors"] == (tmp_path / "run" / "adapter_model.safetensors").read_bytes()
    assert {"adapter_config.json", "grading.json", "README.md"} <= set(files)


def test_launchers_files_are_read() -> None:
    files = sorted((RECIPES / "accelerate").glob("*.yaml"))
    kinds = {file.stem: load_config_from_file(str(file)).distributed_type.value for file in files}
    assert kinds == {"cpu": "NO", "ddp": "MULTI_GPU", "fsdp": "FSDP", "one_gpu": "NO", "zero3": "DEEPSPEED"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"pass --data NAME=DIR"),
        (["--data", "biq2021=DIR", "--config", "NO_MODEL"], r"pass --model FOLDER or Hub id"),
        (["--data", "biq2021"], r"--data biq2021: give it as NAME=PATH"),
        (["--data", "biq2021=DIR", "--rewards", "format", "luck"], r"no reward luck; there are format, score"),
        (["--data", "biq2021=DIR", "--rewards", "format"], r"2 weights for the 1 rewards format; give one each"),
        (["--data", "biq2021=DIR", "--config", "NO_REWARD"], r"Nothing is rewarded: pass --rewards, some of format, score"),
        (["--data", "biq2021=DIR", "--model", "no/where/at-all"], r"--model no/where/at-all cannot be loaded"),
        (["--data", "biq2021=DIR", "--model", "WORDLESS"], r"wordless has no chat template to ask in"),
        (["--data", "biq2021=NOWHERE", "--model", "MODEL"], r"NOWHERE is not a folder"),
        (["--data", "biq2021=DIR", "--model", "MODEL"], r"pass --scenes NAME=CSV"),
        (["--data", "biq2021=DIR", "--model", "LLAMA", "--degraded_share", "0.5"], r"set degraded_share to 0"),
        (["--data", "biq2021=DIR", "--model", "MODEL", "--scenes", "spaq=CSV"], r"given for spaq, which is not among"),
        (
            ["--data", "biq2021=DIR", "--model", "MODEL", "--per_device_train_batch_size", "4",
             "--gradient_accumulation_steps", "2"],
            r"a generation batch holds 1",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_said_before_anything_starts(
    arguments: list[str],
    message: str,
    run: Callable[..., str],
    benchmark: tuple[Path, Path],
    tiny_reasoner: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wordless = tmp_path_factory.mktemp("models") / "wordless"
    shutil.copytree(tiny_reasoner("llama"), wordless, ignore=shutil.ignore_patterns("chat_template*"))
    no_reward = wordless.with_name("no-reward.yaml")
    no_reward.write_text("use_cpu: true\nbf16: false\nmodel: any\nrewards: []\n")
    (tmp_path / "no-model.yaml").write_text("use_cpu: true\nbf16: false\n")
    places = {"DIR": benchmark[0], "CSV": benchmark[1], "NO_MODEL": tmp_path / "no-model.yaml"}
    places |= {
        "MODEL": tiny_reasoner("llava"),
        "LLAMA": tiny_reasoner("llama"),
        "WORDLESS": wordless,
        "NO_REWARD": no_reward,
    }
    given = ["=".join(str(places.get(part, part)) for part in text.split("=")) for text in arguments]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        run("grpo.py", *given, "--use_cpu", "true", "--bf16", "false")
    assert {path.name for path in tmp_path.iterdir()} == {"no-model.yaml"}

"""The report on what reinforcement taught, from run folders as recipes/grpo.py leaves them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.tiny_benchmark import save_biq2021


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Twelve pictures to train on and eight for validation, and the file that says which."""
    return save_biq2021(tmp_path_factory.mktemp("benchmark"), train=12, validation=8)


def leave(run: Path, steps: dict[int, float]) -> Path:
    """A run folder whose evaluations erred by so much on the pictures of `benchmark`."""
    run.mkdir()
    labels = np.linspace(1, 5, 8)
    for step, error in steps.items():
        erring = labels + error * np.array([1, -1] * 4)
        rows = {"dataset": "biq2021/validation", "image_id": [f"ss{n}.jpg" for n in range(12, 20)], "label": labels}
        pd.DataFrame(rows | {"rating": erring, "readable": 2}).to_csv(run / f"validation-{step}.csv", index=False)
    log = [{"step": step, "ratings/spread": 1.0, "ratings/biq2021/srcc": 0.5} for step in range(1, 11)]
    (run / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    return run


def test_table_numbers_and_curves(run: Callable[..., str], benchmark: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = leave(tmp_path / "srcc", {0: 2.0, 9: 1.0, 10: 0.1}), leave(tmp_path / "score", {10: 1.0})
    told = [f"--data=biq2021={benchmark[0]}", f"--scenes=biq2021={benchmark[1]}", f"--warm_start={first}"]
    printed = run(
        "learning.py", *told, "--runs", f"srcc={first}", f"score alone={second}", "--output_dir", tmp_path / "report"
    )
    assert "score alone" in printed
    report = json.loads((tmp_path / "report" / "learning.json").read_text())
    results = report["results"]
    assert report["curves"]["score alone"]["SRCC in the batch"] == [[step, 0.5] for step in range(1, 11)]
    assert list(results) == ["warm start", "srcc", "score alone", "ridge regression on the grades"]
    first_srcc, second_srcc, warm_srcc = (results[name]["srcc"] for name in ("srcc", "score alone", "warm start"))
    assert first_srcc == pytest.approx(1)
    assert first_srcc > second_srcc > warm_srcc
    assert (tmp_path / "report" / "learning.md").read_text().count("\n") == 6
    assert (tmp_path / "report" / "learning.png").read_bytes().startswith(b"\x89PNG")


def test_run_that_was_not_evaluated_is_named(
    run: Callable[..., str], benchmark: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = leave(tmp_path / "srcc", {0: 2.0}), leave(tmp_path / "score", {})
    told = [f"--data=biq2021={benchmark[0]}", f"--scenes=biq2021={benchmark[1]}", f"--warm_start={first}"]
    with pytest.raises(SystemExit, match=r"score holds no validation-STEP\.csv"):
        run("learning.py", *told, "--runs", f"score={second}", "--output_dir", tmp_path / "report")


def test_run_that_was_not_evaluated_on_start_is_named(
    run: Callable[..., str], benchmark: tuple[Path, Path], tmp_path: Path
) -> None:
    first = leave(tmp_path / "srcc", {10: 2.0})
    told = [f"--data=biq2021={benchmark[0]}", f"--scenes=biq2021={benchmark[1]}", f"--warm_start={first}"]
    with pytest.raises(SystemExit, match=r"srcc holds no validation-0\.csv"):
        run("learning.py", *told, "--runs", f"srcc={first}", "--output_dir", tmp_path / "report")

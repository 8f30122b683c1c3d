import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet
from typer.testing import CliRunner, Result

from modeling_rali.evaluation import figures
from modeling_rali.metrics import weighted_mean
from rali_cli import app
from tests.evaluation.blurred_set import write_blurred_set
from tests.iqa_datasets.layouts import LAYOUTS

Evaluate = Callable[..., Result]


@pytest.fixture
def rali_evaluate(tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """`rali evaluate` with the given arguments, in a folder with the set blurred/."""
    monkeypatch.chdir(tmp_path)
    write_blurred_set(tmp_path / "blurred", photo)

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)

    return run


def test_figures_are_printed_and_written_with_the_predictions_behind_them(
    rali_evaluate: Evaluate, tiny_checkpoint: Path
) -> None:
    done = rali_evaluate(
        "--data", "folder=blurred", "--model", "laplacian", "--model", tiny_checkpoint, "--output", "metrics.json"
    )
    assert (done.exit_code, done.stderr) == (0, "")
    metrics = json.loads(Path("metrics.json").read_text())
    laplacian, tiny = metrics["results"]
    assert (laplacian["model"], tiny["model"]) == ("laplacian", str(tiny_checkpoint))
    predictions = parquet.read_table("metrics.predictions/folder-all-laplacian.parquet")
    assert figures(predictions, metrics["seed"]).items() <= laplacian.items()
    for result in (laplacian, tiny):
        assert f" {result['srcc']:.3f} " in done.stdout and f" {result['rmse_logistic']:.3f} " in done.stdout
    assert "folder all" in done.stdout and "Written: metrics.json, and metrics.predictions/" in done.stdout


def test_several_sets_have_a_mean_weighted_by_their_pictures(rali_evaluate: Evaluate, tmp_path: Path) -> None:
    LAYOUTS["agiqa3k"](tmp_path / "agiqa")
    done = rali_evaluate(
        *("--data", "folder=blurred", "--data", "agiqa3k=agiqa", "--model", "laplacian", "--output", "metrics.json")
    )
    results = json.loads(Path("metrics.json").read_text())["results"]
    assert [(one["dataset"], one["n"]) for one in results] == [("folder", 12), ("agiqa3k", 24)]
    mean = weighted_mean([one["srcc"] for one in results], [one["n"] for one in results])
    block = done.stdout.partition("mean (by n)")[2].splitlines()[1].split()
    assert block[:4] == ["laplacian", "36", "0", f"{mean:.3f}"]
    assert "In groups: mean SRCC inside each generator of agiqa3k." in done.stdout
    assert "agiqa3k: an excerpt, 24 of the 2,982 pictures published" in done.stdout


def test_a_comparison_is_printed_and_written(rali_evaluate: Evaluate, tiny_checkpoint: Path) -> None:
    done = rali_evaluate(
        *("--data", "folder=blurred", "--model", "laplacian", "--model", tiny_checkpoint),
        *("--compare", "--output", "metrics.json"),
    )
    (compared,) = json.loads(Path("metrics.json").read_text())["comparisons"]
    assert done.exit_code == 0 and "SRCC of laplacian − " in done.stdout
    assert f" {compared['difference']:.3f} " in done.stdout and f" {compared['p_value']:.3f} " in done.stdout


def test_a_picture_that_fails_gives_status_1_and_is_named(rali_evaluate: Evaluate) -> None:
    Path("blurred/04.png").write_bytes(b"")
    done = rali_evaluate("--data", "folder=blurred", "--model", "laplacian")
    assert done.exit_code == 1
    assert "folder: without 1 that failed: 04.png: the file is empty" in done.stdout
    assert not list(Path().glob("*.json"))


def test_missing_pictures_need_the_option_that_the_error_names(rali_evaluate: Evaluate) -> None:
    Path("blurred/04.png").unlink()
    arguments = ("--data", "folder=blurred", "--model", "laplacian")
    refused = rali_evaluate(*arguments)
    assert refused.exit_code == 2 and "04.png" in refused.stderr and "--allow-missing" in refused.stderr
    allowed = rali_evaluate(*arguments, "--allow-missing")
    assert allowed.exit_code == 1 and "04.png: the picture is missing" in allowed.stdout


def test_an_existing_output_is_refused_and_resumed(rali_evaluate: Evaluate) -> None:
    arguments = ("--data", "folder=blurred", "--model", "laplacian", "--output", "metrics.json")
    first = rali_evaluate(*arguments)
    written = Path("metrics.json").read_bytes()
    refused = rali_evaluate(*arguments)
    assert refused.exit_code == 2 and refused.stderr.startswith(
        "Error: metrics.json exists: go on with it with --resume"
    )
    resumed = rali_evaluate(*arguments, "--resume")
    assert resumed.exit_code == 0 and resumed.stdout == first.stdout
    assert Path("metrics.json").read_bytes() == written


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--data", "blurred"], "--data blurred: give it as NAME=DIR"),
        (["--data", "nonsense=blurred"], "no set is called 'nonsense'; there are koniq10k"),
        (["--data", "folder=gone"], "gone is not a folder"),
        (["--data", "folder=blurred", "--split", "test", "--model", "gone/model/x"], "gone/model/x: no such folder"),
        (["--data", "folder=blurred", "--split", "nonsense"], "no picture in the split 'nonsense'"),
        (["--data", "folder=blurred", "--resume"], "--resume needs the --output"),
        (["--data", "folder=blurred", "--compare"], "a comparison is of two models; there are 1"),
        (["--data", "folder=blurred", "--output", "metrics.csv"], "metrics.csv: metrics go to a file named *.json"),
    ],
)
def test_wrong_usage_has_status_2_and_says_what_is_wrong(
    rali_evaluate: Evaluate, arguments: list[str], error: str
) -> None:
    done = (
        rali_evaluate("--model", "laplacian", *arguments) if "--model" not in arguments else rali_evaluate(*arguments)
    )
    assert done.exit_code == 2 and error in done.stderr and done.stdout == ""


def test_control_characters_and_markup_of_names_reach_no_terminal(rali_evaluate: Evaluate) -> None:
    labels = Path("blurred/scores.csv")
    labels.write_text(labels.read_text().replace("04.png", "[red]\x1b[31m.png"))
    Path("blurred/[red]\x1b[31m.png").write_bytes(b"")
    done = rali_evaluate("--data", "folder=blurred", "--model", "laplacian")
    assert r"[red]\x1b[31m.png: the file is empty" in done.stdout and "\x1b" not in done.stdout


def test_real_photographs_are_told_apart_by_their_detail(rali_evaluate: Evaluate, shared_dir: Path) -> None:
    done = rali_evaluate("--data", f"biq2021={shared_dir}/data/BIQ2021", "--model", "laplacian", "--output", "m.json")
    (result,) = json.loads(Path("m.json").read_text())["results"]
    assert (result["split"], result["n"], result["n_published"]) == ("test", 159, 2000)
    assert 0.4 < result["srcc_ci95"][0] < result["srcc"] < result["srcc_ci95"][1] < 0.8
    assert re.findall(r"biq2021: (the split leaks|an excerpt)", done.stdout) == ["the split leaks", "an excerpt"]

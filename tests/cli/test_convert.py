"""`rali convert`: what it prints, and how it fails."""

from pathlib import Path

import numpy as np
import torch
import typer
from typer.testing import CliRunner, Result

from modeling_rali import RaliModel
from rali_cli.convert import convert

from ..conversion.synthetic_release import SCORER, write_released


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(convert)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def test_says_what_was_found_and_what_was_dropped(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released")
    result = run(released.folder, tmp_path / "converted")
    assert result.exit_code == 0, result.output
    text_tower = sum(t.numel() for n, t in released.clip.items() if n.startswith(("text", "logit_scale")))
    for fact in (
        "1 to 5",
        "0.11 (of ckpt.pt)",
        "11",
        "IncrementalPCA, 24 → 8",
        f"{text_tower:,} parameters, not needed to score",
    ):
        assert fact in result.stdout, fact
    assert RaliModel.from_pretrained(tmp_path / "converted").config.num_prototypes == 11


def test_says_where_the_temperature_is_from_and_that_nothing_was_dropped(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released", text_tower=False, scorer=SCORER[:4])
    result = run(released.folder, tmp_path / "converted")
    assert "0.07 (of the released code, as ckpt.pt has none)" in result.stdout
    assert [line for line in result.stdout.splitlines() if "dropped text tower" in line and "none" in line]


def test_failure_is_one_line_with_exit_code_1(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released").folder
    torch.save({"state_dict": {"scorer.\x1b[31mred": torch.ones(1)}}, released / "ckpt.pt")
    for source, destination, reason in (
        (released, tmp_path / "converted", r"ckpt.pt: the tensor scorer.\x1b[31mred is no part of"),
        (tmp_path, tmp_path / "converted", "lacks ckpt.pt, pca.pkl, basis.npz, best/config.json"),
        (released, released, "released: exists"),
    ):
        result = run(source, destination)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
        assert reason in result.stderr
        assert not result.stdout


def test_source_that_is_no_folder_has_exit_code_2(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", tmp_path / "converted").exit_code == 2


def test_score_range_is_an_option(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released", scorer=()).folder
    np.savez(released / "basis.npz", vectors=np.eye(11, 8), scores=np.linspace(-9, 97, 11))
    assert "--score-range LOW HIGH" in run(released, tmp_path / "converted").stderr
    result = run(released, tmp_path / "converted", "--score-range", "-10", "100")
    assert result.exit_code == 0, result.output
    assert "-10 to 100" in result.stdout

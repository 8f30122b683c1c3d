"""`rali datasets`: the list, one set, the check of a folder and its exit codes, the push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner, Result

from modeling_rali.iqa_datasets import BENCHMARKS
from rali_cli.datasets import datasets

from ..iqa_datasets.layouts import LAYOUTS, picture

if TYPE_CHECKING:  # imported by pytest as the plugin that it is
    from ..hub_server import Hub

pytest_plugins = ["tests.hub_server"]


@pytest.fixture(autouse=True)
def datasets_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets_cache")


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(datasets)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def test_the_list_names_every_set_and_where_to_get_it_and_flags_the_leak() -> None:
    result = run()
    assert result.exit_code == 0
    for benchmark in BENCHMARKS.values():
        assert benchmark.name in result.output
        assert benchmark.homepage in result.output
        assert benchmark.layout.splitlines()[-1] in result.output
    assert "⚠ biq2021: shots of one scene" in result.output
    assert max(map(len, result.output.splitlines())) <= 100


@pytest.mark.parametrize("name", BENCHMARKS)
def test_one_set_is_shown_with_its_licence_and_citation(name: str) -> None:
    result = run(name)
    assert result.exit_code == 0
    assert BENCHMARKS[name].licence.split()[0] in result.output
    assert BENCHMARKS[name].citation.split("{")[0] in result.output


def test_a_whole_folder_passes_and_its_splits_are_counted(tmp_path: Path) -> None:
    LAYOUTS["koniq10k"](tmp_path / "set")
    result = run("koniq10k", "--data-dir", str(tmp_path / "set"))
    assert result.exit_code == 0
    assert "is complete" in result.output
    assert "train 3, validation 1, test 2" in result.output
    assert "6 of the 10,073 published" in result.output


def test_an_incomplete_folder_fails_and_says_what_is_wrong(tmp_path: Path) -> None:
    LAYOUTS["spaq"](tmp_path / "set")
    (tmp_path / "set" / "TestImage" / "00002.jpg").unlink()
    (tmp_path / "set" / "TestImage" / "00005.jpg").write_bytes(b"")
    picture(tmp_path / "set" / "TestImage" / "0[bold]0.jpg")
    result = run("spaq", "--data-dir", str(tmp_path / "set"))
    assert result.exit_code == 1
    assert "is not complete" in result.output
    assert "labels without their picture: 1\n   00002.jpg" in result.output
    assert "pictures that do not decode: 1\n   00005.jpg" in result.output
    assert "TestImage/0[bold]0.jpg" in result.output


def test_only_the_first_names_are_shown_with_their_number(tmp_path: Path) -> None:
    LAYOUTS["kadid10k"](tmp_path / "set")
    for path in (tmp_path / "set" / "images").glob("*_01.png"):
        path.unlink()
    result = run("kadid10k", "--data-dir", str(tmp_path / "set"))
    assert "labels without their picture: 21" in result.output
    assert "and 11 more" in result.output


def test_a_folder_of_something_else_fails(tmp_path: Path) -> None:
    result = run("pipal", "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "holds no Train_Label" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["koniq"],
        ["--data-dir", "."],
        ["spaq", "--data-dir", "no/such/folder"],
        ["spaq", "--push", "me/spaq"],
        ["spaq", "--data-dir", ".", "--push", "me/spaq"],
    ],
)
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_checked_set_is_pushed(tmp_path: Path, hub: Hub) -> None:
    LAYOUTS["spaq"](tmp_path / "set")
    result = run("spaq", "--data-dir", str(tmp_path / "set"), "--push", "me/cli-spaq", "--private")
    assert result.exit_code == 0
    assert f"Pushed to {hub.url}/datasets/me/cli-spaq" in result.output
    assert hub.repos["datasets/me/cli-spaq"].private


def test_an_incomplete_set_is_not_pushed(tmp_path: Path, hub: Hub) -> None:
    LAYOUTS["spaq"](tmp_path / "set")
    (tmp_path / "set" / "TestImage" / "00002.jpg").write_bytes(b"")
    result = run("spaq", "--data-dir", str(tmp_path / "set"), "--push", "me/cli-broken", "--private")
    assert result.exit_code == 1
    assert "datasets/me/cli-broken" not in hub.repos

"""Runs of `rali score` that do not come to their end: kill -9, Ctrl-C, a full disk. Nothing written is lost."""

import os
import resource
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from modeling_rali.inference import ResultsFile, read_results

from .processes import fork_rali, wait

FORMATS = ["csv", "jsonl", "parquet"]


@pytest.fixture
def names(tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forty pictures in the current folder; reading the thirtieth blocks until somebody writes to it."""
    monkeypatch.chdir(tmp_path)
    names = [f"{index:02}.png" for index in range(40)]
    for name in names:
        photo.save(name)
    Path(names[29]).unlink()
    os.mkfifo(names[29])
    return names


def start(tiny_checkpoint: Path, output: Path, *arguments: str) -> int:
    """Start scoring the current folder, and wait until all before the thirtieth picture is written."""
    with Path("stderr.txt").open("wb") as stderr:
        command = [
            "score",
            ".",
            "--model",
            str(tiny_checkpoint),
            "--output",
            str(output),
            "--device",
            "cpu",
            *arguments,
        ]
        child = fork_rali(*command, stderr=stderr.fileno())
    journal = ResultsFile(output, resume=True).journal
    deadline = time.monotonic() + 60
    while not journal.exists() or len(list(read_results(journal))) < 29:
        assert time.monotonic() < deadline and os.waitpid(child, os.WNOHANG) == (0, 0), Path("stderr.txt").read_text()
        time.sleep(0.01)
    return child


def unblock(name: str, photo: Image.Image) -> None:
    Path(name).unlink()
    photo.save(name)


def finish(tiny_checkpoint: Path, output: Path) -> str:
    """Resume the run to its end; returns what it says."""
    with Path("stderr.txt").open("wb") as stderr:
        child = fork_rali(
            "score", ".", "--model", str(tiny_checkpoint), "--output", str(output), "--resume", stderr=stderr.fileno()
        )
    assert wait(child) == 0, Path("stderr.txt").read_text()
    return Path("stderr.txt").read_text()


@pytest.mark.parametrize("suffix", FORMATS)
def test_after_kill_9_resume_gives_each_picture_exactly_once(
    tiny_checkpoint: Path, names: list[str], photo: Image.Image, suffix: str
) -> None:
    output = Path(f"scores.{suffix}")
    child = start(tiny_checkpoint, output)
    os.kill(child, signal.SIGKILL)
    assert wait(child) == -signal.SIGKILL
    unblock(names[29], photo)
    assert finish(tiny_checkpoint, output).startswith("11 scored, 0 failed, 29 from before")
    results = list(read_results(output))
    assert [result.path for result in results] == [f"./{name}" for name in names]
    assert len({result.score for result in results}) == 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(
    tiny_checkpoint: Path, names: list[str], photo: Image.Image, suffix: str
) -> None:
    output = Path(f"scores.{suffix}")
    child = start(tiny_checkpoint, output)
    os.kill(child, signal.SIGINT)
    time.sleep(0.1)
    os.close(os.open(names[29], os.O_WRONLY | os.O_NONBLOCK))  # lets the reader that is at it end
    assert wait(child) == 130
    assert Path("stderr.txt").read_text() == "interrupted: 29 of 40 written; go on with --resume\n"
    unblock(names[29], photo)
    finish(tiny_checkpoint, output)
    assert [result.path for result in read_results(output)] == [f"./{name}" for name in names]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_is_told_and_loses_nothing(
    tiny_checkpoint: Path, names: list[str], photo: Image.Image, suffix: str
) -> None:
    unblock(names[29], photo)
    output = Path(f"scores.{suffix}")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with Path("stderr.txt").open("wb") as stderr:
            child = fork_rali(
                "score", ".", "--model", str(tiny_checkpoint), "--output", str(output), stderr=stderr.fileno()
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert wait(child) == 1
    written = list(read_results(ResultsFile(output, resume=True).journal))
    assert 0 < len(written) < 40
    assert Path("stderr.txt").read_text() == (
        f"{output}: File too large: {len(written)} of 40 written; go on with --resume\n"
    )
    finish(tiny_checkpoint, output)
    results = list(read_results(output))
    assert results[: len(written)] == written
    assert [result.path for result in results] == [f"./{name}" for name in names]

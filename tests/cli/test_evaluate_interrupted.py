"""Evaluations that do not come to their end, and those that several processes share: the figures are the same."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from modeling_rali.inference import read_results
from tests.evaluation.blurred_set import write_blurred_set

from .processes import fork_rali, wait

BLOCKED = 29
"""Reading this picture blocks until somebody writes to it."""


@pytest.fixture
def blurred(tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of forty pictures in the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_blurred_set(tmp_path / "blurred", photo, 40)


def start(*arguments: str, model: str = "laplacian", output: str = "metrics.json") -> int:
    with Path("stdout.txt").open("wb") as stdout, Path("stderr.txt").open("wb") as stderr:
        command = ("evaluate", "--data", "folder=blurred", "--model", model, "--output", output, "--device", "cpu")
        return fork_rali(*command, *arguments, stdout=stdout.fileno(), stderr=stderr.fileno())


def whole(model: str = "laplacian") -> dict[str, bytes]:
    """What one process that nothing befalls writes."""
    assert wait(start(model=model, output="whole.json")) == 0, Path("stderr.txt").read_text()
    return written("whole")


def written(stem: str) -> dict[str, bytes]:
    files = [Path(f"{stem}.json"), *Path(f"{stem}.predictions").iterdir()]
    return {file.name.removeprefix(stem): file.read_bytes() for file in files}


def block() -> None:
    Path(f"blurred/{BLOCKED}.png").unlink()
    os.mkfifo(f"blurred/{BLOCKED}.png")


def unblock(photo: Image.Image) -> None:
    Path(f"blurred/{BLOCKED}.png").unlink()
    photo.filter(ImageFilter.GaussianBlur(BLOCKED / 8)).save(f"blurred/{BLOCKED}.png")


def wait_for_scores(count: int, *children: int) -> None:
    """Until there are so many in the journals, while all of `children` run."""
    deadline = time.monotonic() + 60
    while sum(len(list(read_results(path))) for path in Path("metrics.predictions").glob("*.jsonl")) < count:
        alive = all(os.waitpid(child, os.WNOHANG) == (0, 0) for child in children)
        assert time.monotonic() < deadline and alive, Path("stderr.txt").read_text()
        time.sleep(0.01)


def end_of(child: int) -> int:
    """Exit status of a process that is expected to end by itself, and is killed where it does not."""
    deadline = time.monotonic() + 30
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    return wait(child)


def start_two(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[int]:
    """The two processes of one evaluation, as a launcher starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with monkeypatch.context() as patch:
        for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}.items():
            patch.setenv(name, value)
        children = []
        for rank in "10":
            patch.setenv("RANK", rank)
            children.append(start(*arguments))
    return children


@pytest.mark.parametrize("of", ["laplacian", "checkpoint"])
def test_after_kill_9_resume_comes_to_the_same_files(
    blurred: Path, tiny_checkpoint: Path, photo: Image.Image, of: str
) -> None:
    model = "laplacian" if of == "laplacian" else str(tiny_checkpoint)
    expected = whole(model)
    block()
    child = start(model=model)
    wait_for_scores(BLOCKED, child)
    os.kill(child, signal.SIGKILL)
    assert wait(child) == -signal.SIGKILL
    assert not Path("metrics.json").exists() and not list(Path("metrics.predictions").glob("*.parquet"))
    unblock(photo)
    for scored in range(BLOCKED):  # none of these is read once more
        Path(f"blurred/{scored:02}.png").write_bytes(b"")
    assert wait(start("--resume", model=model)) == 0, Path("stderr.txt").read_text()
    assert written("metrics") == expected


def test_ctrl_c_has_status_130_and_says_how_to_go_on(blurred: Path, photo: Image.Image) -> None:
    expected = whole()
    block()
    child = start()
    wait_for_scores(BLOCKED, child)
    os.kill(child, signal.SIGINT)
    time.sleep(0.1)
    os.close(os.open(f"blurred/{BLOCKED}.png", os.O_WRONLY | os.O_NONBLOCK))  # lets the reader that is at it end
    assert wait(child) == 130
    assert Path("stderr.txt").read_text() == "Error: interrupted; go on with --resume.\n"
    unblock(photo)
    assert wait(start("--resume")) == 0
    assert written("metrics") == expected


def test_two_processes_come_to_what_one_comes_to(
    blurred: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole()
    assert [wait(child) for child in start_two(monkeypatch)] == [0, 0], Path("stderr.txt").read_text()
    assert written("metrics") == expected


def test_a_process_that_dies_leaves_nothing_that_is_taken_as_whole(
    blurred: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole()
    block()
    children = start_two(monkeypatch)
    wait_for_scores(20 + BLOCKED // 2, *children)
    other, main = children  # the pictures of odd number are the other's
    os.kill(other, signal.SIGKILL)
    assert wait(other) == -signal.SIGKILL
    assert end_of(main) > 1  # a launcher would end it
    assert not Path("metrics.json").exists() and not list(Path("metrics.predictions").glob("*.parquet"))
    unblock(photo)
    assert wait(start("--resume")) == 0, Path("stderr.txt").read_text()
    assert written("metrics") == expected

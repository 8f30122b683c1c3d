"""What holds for the command as a whole, tried in processes of its own."""

import resource
import subprocess
import sys
from importlib import metadata

import pytest


def rali(*arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """The finished command, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "rali_cli", *arguments], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_answers_within_a_second_of_cpu_and_names_the_commands() -> None:
    done, seconds = rali("--help")
    assert done.returncode == 0
    assert seconds < 1
    for command in ("score", "info", "convert", "datasets", "push"):
        assert f" {command} " in done.stdout


def test_help_of_a_command_is_as_fast() -> None:
    done, seconds = rali("score", "--help")
    assert done.returncode == 0
    assert "--resume" in done.stdout
    assert seconds < 1


def test_an_unknown_command_or_option_is_wrong_usage() -> None:
    assert rali("scoer")[0].returncode == 2
    assert rali("score", "--no-such-option")[0].returncode == 2


def test_version_is_that_of_the_installed_distribution() -> None:
    try:
        version = metadata.version("modeling-rali")
    except metadata.PackageNotFoundError:
        pytest.skip("modeling-rali is not installed, only importable")
    done, seconds = rali("--version")
    assert done.stdout == f"rali {version}\n"
    assert seconds < 1

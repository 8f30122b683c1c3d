"""The command in a process of its own, without the seconds that importing everything anew would take."""

import os
import signal
import sys

import torch

from rali_cli import app


def fork_rali(*arguments: str, stderr: int, stdout: int = 1) -> int:
    """Start `rali` with `arguments` and its output at the given file descriptors; returns the process id."""
    if child := os.fork():
        return child
    status = 70  # of a command that raised
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
        torch.set_num_threads(1)  # a forked process has none of its parent's threads
        app(list(arguments))
    except SystemExit as exit:
        status = int(exit.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(child: int) -> int:
    """Exit status of the process, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

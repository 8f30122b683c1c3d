"""Several real processes on one machine, joined over gloo, for what must not depend on how many there are.

They are forked from a server that has imported all they need, so that several cost little more than one.
"""

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.queues import Queue
from typing import Any

import torch

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.alignment.small_run"])


def in_processes(count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(*arguments)` returns in each of `count` processes with a launcher's environment, in order.

    `work` is a function of a module; what it takes and returns can be pickled.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    queue: Queue[Any] = _CONTEXT.Queue()
    processes = [_CONTEXT.Process(target=_work, args=(r, count, port, queue, work, arguments)) for r in range(count)]
    for process in processes:
        process.start()
    try:
        # Before they are joined: a process ends only once what it put has been taken
        results = dict(queue.get(timeout=120) for _ in processes)
    finally:
        for process in processes:
            process.join(10)
            process.kill()
    return [results[rank] for rank in range(count)]


def exit_status(work: Callable[..., Any], *arguments: Any) -> int | None:
    """How a process that does `work(*arguments)` ends: negative for the signal that ended it."""
    process = _CONTEXT.Process(target=work, args=arguments)
    process.start()
    process.join(120)
    return process.exitcode


def _work(rank: int, count: int, port: int, queue: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    if count > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    queue.put((rank, work(*arguments)))

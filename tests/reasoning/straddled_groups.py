"""Run by a test: the rewards of one generation batch, its rows dealt to 2 and to 3 real processes, as JSON on standard output.

The processes are forked from one that has imported all it needs, so that several cost little more than one.
"""

import json
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.queues import Queue
from typing import Any

from accelerate import PartialState

from modeling_rali.reasoning.grpo_rewards import bound, fidelity, score, srcc
from modeling_rali.reasoning.rating_bank import RatingBank
from modeling_rali.reasoning.rating_watch import RatingWatch


def rewards_of(batches: list[dict[str, Any]], rows: slice) -> dict[str, Any]:
    """Every reward for `rows` of each batch, the bank and what was logged afterwards."""
    bank = RatingBank(3)
    logged: list[tuple[str, float]] = []
    funcs: list[Callable[..., Any]] = [RatingWatch(bound(srcc, bank=bank)), fidelity, score]
    earned = []
    for batch in batches:
        own: dict[str, Any] = {name: column[rows] for name, column in batch.items()}
        earned.append([func(**own, log_metric=lambda *metric: logged.append(metric)) for func in funcs])
    return {"earned": earned, "bank": bank.entries, "logged": logged}


def _work(rank: int, world: int, port: int, batches: list[dict[str, Any]], results: "Queue[Any]") -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    state = PartialState(cpu=True)
    share = len(batches[0]["completions"]) // world
    results.put((rank, rewards_of(batches, slice(rank * share, (rank + 1) * share))))
    state.destroy_process_group()


def main() -> None:
    batches = json.load(sys.stdin)
    context = multiprocessing.get_context("fork")
    answer = {}
    for world in (2, 3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        results: Queue[Any] = context.Queue()
        processes = [context.Process(target=_work, args=(r, world, port, batches, results)) for r in range(world)]
        for process in processes:
            process.start()
        answer[world] = [
            result for _, result in sorted((results.get(timeout=60) for _ in processes), key=lambda x: x[0])
        ]
        for process in processes:
            process.join()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

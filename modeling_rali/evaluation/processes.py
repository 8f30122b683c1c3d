"""Sharing an evaluation among processes that torchrun or `accelerate launch` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from torch import distributed

T = TypeVar("T")

_PATIENCE = timedelta(days=1)  # for the slowest process; it is the launcher that ends them all when one dies


@dataclass(frozen=True)
class Processes:
    """This process, the `index`-th of `count`; the first is the main one."""

    index: int = 0
    count: int = 1

    @property
    def is_main(self) -> bool:
        return self.index == 0

    def gather(self, items: list[T]) -> list[T]:
        """The items of all processes, in the order of the processes, in each of them."""
        if self.count == 1:
            return items
        parts: list[list[T]] = [[] for _ in range(self.count)]
        distributed.all_gather_object(parts, items)
        return [item for part in parts for item in part]

    def from_main(self, value: T) -> T:
        """The main process's `value`, in each of them."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values)
        return values[0]


ALONE = Processes()


@contextmanager
def launched_processes() -> Iterator[Processes]:
    """The processes that a launcher started, joined; this one alone where there was none."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield ALONE
        return
    # Over gloo, on any device: what the processes tell one another are scores, which no accelerator holds
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()

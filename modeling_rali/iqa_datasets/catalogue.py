"""The sets there are, by name."""

from __future__ import annotations

from pathlib import Path

from .agiqa3k import AGIQA3K
from .benchmark import Benchmark, IQADatasetError
from .biq2021 import BIQ2021
from .csiq import CSIQ
from .deqa_score import DEQA_SCORE
from .kadid10k import KADID10K
from .koniq10k import KONIQ10K
from .live_wild import LIVE_WILD
from .pipal import PIPAL
from .scored_folder import SCORED_FOLDER
from .spaq import SPAQ
from .tid2013 import TID2013

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        KONIQ10K,
        SPAQ,
        BIQ2021,
        LIVE_WILD,
        KADID10K,
        TID2013,
        CSIQ,
        PIPAL,
        AGIQA3K,
        DEQA_SCORE,
        SCORED_FOLDER,
    )
}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name; IQADatasetError listing the names there are if there is none."""
    if name not in BENCHMARKS:
        raise IQADatasetError(f"no set is called {name!r}; there are {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


def default_eval_split(name: str, data_dir: str | Path) -> str:
    """The split to evaluate on: the test pictures where the owners or the label file name them, else "all"."""
    benchmark = get_benchmark(name)
    if benchmark.official_splits:
        return "test"
    return "test" if any(record.split == "test" for record in benchmark.records(Path(data_dir))) else "all"

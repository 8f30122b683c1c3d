"""Models × sets → the metrics JSON that every table and card is made from."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, nullcontext
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import __version__
from ..inference import Result
from ..metrics_file import predictions_folder, read_metrics, write_metrics
from .figures import comparison, figures
from .predictions import PredictionsFile, predictions_table
from .processes import ALONE, Processes
from .scorers import Scorer
from .sets import EvaluationSet

Track = Callable[[Iterable[Result], int, str], Iterable[Result]]
"""Shows the progress of results, of which there will be so many, of what the text says; hands them on as they are."""

_VERSIONS_OF = ("torch", "transformers", "datasets", "scipy", "numpy", "pillow")
_DIGITS = 6  # of a kept score


class Evaluation:
    """Which models are evaluated on which sets, and where that is kept.

        evaluation = Evaluation([read_set("agiqa3k", Path("AGIQA-3K"))], [open_scorer("rali-nano")], Path("metrics.json"))
        metrics = evaluation.run()

    With an output, `metrics.json` is written last and whole, and the predictions of each model on each set before it, to
    `metrics.predictions/`. An evaluation that was ended before goes on from what is there.

    Args:
        sets: what to evaluate on, each dataset once.
        scorers: what to evaluate, each name once.
        output: the metrics JSON; `None` to write nothing.
        resume: go on with the output if it is there.
        compare: compare the two scorers on each set.
        seed: of the bootstraps.
        processes: share the pictures among them; the main one writes.

    Raises:
        FileExistsError: without `resume`, if there already is such an output or its predictions.
        ValueError: if sets, scorers or output contradict what is asked or what is there; the message says how.
        OSError: if the output's folder is not there or cannot be written to.
    """

    def __init__(
        self,
        sets: Sequence[EvaluationSet],
        scorers: Sequence[Scorer],
        output: Path | None = None,
        *,
        resume: bool = False,
        compare: bool = False,
        seed: int = 0,
        processes: Processes = ALONE,
    ) -> None:
        for what, names in (("set", [one.dataset for one in sets]), ("model", [one.name for one in scorers])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(
                    f"{', '.join(twice)}: the same {what} twice; evaluate it in two runs, an --output each."
                )
        if compare and len(scorers) != 2:
            raise ValueError(f"a comparison is of two models; there are {len(scorers)}.")
        self.sets, self.scorers = sets, scorers
        self.output, self.compare, self.seed, self.processes = output, compare, seed, processes
        self._files: dict[tuple[str, str], PredictionsFile] = {}
        self._earlier: dict[tuple[str, str], dict[str, Result]] = {}
        if output is not None:
            self._open(output, resume)

    def _open(self, output: Path, resume: bool) -> None:
        if output.suffix != ".json":
            raise ValueError(f"{output}: metrics go to a file named *.json.")
        folder = predictions_folder(output)
        self._files = {
            (one.dataset, scorer.name): PredictionsFile(folder, one, scorer)
            for one, scorer in product(self.sets, self.scorers)
        }
        if len({file.path for file in self._files.values()}) < len(self._files):
            raise ValueError("two models have names so alike that their predictions would go to the same file.")
        if not output.parent.is_dir():
            raise FileNotFoundError(f"{output.parent}: no such folder; make it first.")
        if not resume:
            for path in (output, folder):
                if path.exists():
                    raise FileExistsError(
                        f"{path} exists: go on with it with --resume, or delete it to evaluate everything anew."
                    )
        elif output.exists():
            self._refuse_to_drop(output)
        self._earlier = {pair: file.earlier() for pair, file in self._files.items()}
        self.processes.gather([])  # none writes before all have looked
        folder.mkdir(exist_ok=True)

    def _refuse_to_drop(self, output: Path) -> None:
        asked = {(one.dataset, one.split, scorer.name) for one, scorer in product(self.sets, self.scorers)}
        there = {(result["dataset"], result["split"], result["model"]) for result in read_metrics(output)["results"]}
        if dropped := there - asked:
            names = "; ".join(" ".join(pair) for pair in sorted(dropped))
            raise ValueError(f"{output} also holds {names}: name them too, or give another --output.")

    def run(self, track: Track = lambda results, total, what: results) -> dict[str, Any] | None:
        """Score what lacks a score, and write and return the metrics; `None` in a process that is not the main one.

        Returns:
            {results: [{dataset, title, split, model, fingerprint, trained_on, n_published, and what `figures` gives}, …],
            comparisons: [{dataset, split, first, second, and what `comparison` gives}, …] if asked for, seed, versions}.
        """
        tables: dict[tuple[str, str], pa.Table] = {}
        for scorer, one in product(self.scorers, self.sets):
            results = self._results(one, scorer, track)
            if self.processes.is_main:
                pair = one.dataset, scorer.name
                tables[pair] = predictions_table(one, results)
                if pair in self._files:
                    self._files[pair].write(tables[pair])
        if not self.processes.is_main:
            return None
        metrics = self._metrics(tables)
        if self.output is not None:
            write_metrics(self.output, metrics)
        return metrics

    def _results(self, one: EvaluationSet, scorer: Scorer, track: Track) -> dict[str, Result]:
        """Results of the set's pictures by id: those kept, and in all processes together those that are lacking."""
        processes, file = self.processes, self._files.get((one.dataset, scorer.name))
        earlier = processes.from_main(self._earlier.get((one.dataset, scorer.name), {}))
        lacking = [(record.image, path) for record, path, _ in one.pictures if record.image not in earlier]
        if not lacking:
            return earlier
        mine = lacking[processes.index :: processes.count]
        found = []
        with (
            file.journal(processes.index) if file else nullcontext() as journal,
            closing(scorer.score(mine)) as stream,
        ):
            for result in track(stream, len(mine), f"{one.dataset} {one.split}, {scorer.name}"):
                # As the journal keeps it, so that an evaluation that was interrupted comes to the same figures
                result = dataclasses.replace(result, score=result.score and round(result.score, _DIGITS))
                if journal:
                    journal.write(result)
                found.append(result)
        return earlier | {result.path: result for result in processes.gather(found)}

    def _metrics(self, tables: dict[tuple[str, str], pa.Table]) -> dict[str, Any]:
        results = []
        for one, scorer in product(self.sets, self.scorers):
            of_pair = figures(tables[one.dataset, scorer.name], self.seed)
            facts = {
                "dataset": one.dataset,
                "title": one.title,
                "split": one.split,
                "model": scorer.name,
                "fingerprint": scorer.fingerprint,
                "trained_on": scorer.trained_on,
                "n_published": one.n_published,
            }
            notes = [*one.notes, *of_pair["notes"]]
            if scorer.trained_on == one.dataset and one.split in ("train", "all"):
                notes.append("the model learnt from pictures of this split: its figures flatter")
            results.append({**facts, **of_pair, "notes": notes})
        metrics: dict[str, Any] = {"results": results}
        if self.compare:
            first, second = self.scorers
            metrics["comparisons"] = [
                {
                    "dataset": one.dataset,
                    "split": one.split,
                    "first": first.name,
                    "second": second.name,
                    **comparison(tables[one.dataset, first.name], tables[one.dataset, second.name], self.seed),
                }
                for one in self.sets
            ]
        versions = {"modeling-rali": __version__, **{name: version(name) for name in _VERSIONS_OF}}
        return {**metrics, "seed": self.seed, "versions": versions}

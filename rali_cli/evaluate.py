"""`rali evaluate`: models × benchmarks → figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import BatchSize, Device, DType, MaxPixels, Resume, TowerDType, stop, stop_without_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

PIPED_WIDTH = 120  # characters a line where standard output is no terminal


def evaluate(
    data: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=DIR", help="A benchmark and its folder; `rali datasets` lists the names. Repeatable."
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR|ID",
            help="Checkpoint folder, Hub model, or one of rali-nano, brisque and laplacian, which come before a folder of "
            "that name. Repeatable.",
            show_default="rali-nano",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, validation, test or all.", show_default="test as labels or owners define it, else all"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Write the metrics here, the predictions to FILE.predictions/."),
    ] = None,
    resume: Resume = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Test the difference of two models' SRCC on each set (paired bootstrap).")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Count pictures that are not there as failed.")
    ] = False,
    batch_size: BatchSize = None,
    device: Device = "auto",
    dtype: TowerDType = DType.auto,
    max_pixels: MaxPixels = 178_956_970,
) -> None:
    """Evaluate models on benchmarks: how well their scores agree with people's.

    Higher is better throughout: brisque is negated, and correlations are with the labels turned to quality, so that a good
    model's are positive on sets of DMOS too. "Mapped" is after a four-parameter logistic; the RMSE is on the set's own scale.

    Under `accelerate launch -m rali_cli evaluate …` or `torchrun -m rali_cli evaluate …` the pictures are shared among the
    processes.

    Exit status 0: all pictures were scored; 1: some could not be; 2: wrong usage; 130: interrupted.
    """
    if resume and output is None:
        stop("--resume needs the --output to go on with.", 2)

    import torch
    from rich.console import Console
    from rich.progress import TextColumn
    from transformers.utils import logging

    try:
        from modeling_rali.evaluation import DEFAULT_MODEL, Evaluation, launched_processes, open_scorer, read_set
    except ModuleNotFoundError as error:
        stop_without_extra(error)

    from .terminal import progress_bar

    logging.disable_progress_bar()
    with launched_processes() as processes:
        try:
            evaluation = Evaluation(
                [read_set(*_name_and_folder(one), split, allow_missing=allow_missing) for one in data],
                [
                    open_scorer(
                        name,
                        batch_size=batch_size,
                        device=device,
                        dtype=dtype,
                        max_pixels=max_pixels,
                    )
                    for name in model or [DEFAULT_MODEL]
                ],
                output,
                resume=resume,
                compare=compare,
                processes=processes,
            )
        except (OSError, ValueError) as error:
            stop(str(error).replace("allow_missing=True", "--allow-missing"), 2)
        go_on = "; go on with --resume" if output else ""
        try:
            with progress_bar(Console(stderr=True, quiet=not processes.is_main)) as progress:
                progress.columns = (TextColumn("{task.description}"), *progress.columns)
                metrics = evaluation.run(lambda results, total, what: progress.track(results, total, description=what))
        except KeyboardInterrupt:
            stop(f"interrupted{go_on}.", 130)
        except torch.OutOfMemoryError:
            stop(f"out of memory on the device: try a smaller --batch-size{go_on}.", 1)
        except OSError as error:
            stop(f"{error.filename or output}: {error.strerror or error}{go_on}.", 1)
    if metrics is None:  # the main process tells
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    _show(console, metrics, output)
    if any(result["n_failed"] for result in metrics["results"]):
        raise typer.Exit(1)


def _name_and_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise ValueError(f"--data {text}: give it as NAME=DIR, such as biq2021=data/BIQ2021.")
    return name, Path(folder)


def _show(console: Console, metrics: Mapping[str, Any], output: Path | None) -> None:
    """The figures, what there is to note, and where they were written."""
    from rich.text import Text

    from modeling_rali.metrics_file import predictions_folder

    from .terminal import visible

    results = metrics["results"]
    console.print(_figures(results, console.width))
    grouped_by = {one["dataset"]: one["within_group"]["by"] for one in results if one["within_group"]}
    if grouped_by:
        which = ", ".join(f"each {group} of {dataset}" for dataset, group in grouped_by.items())
        console.print(f" In groups: mean SRCC inside {which}.", style="dim")
    if "comparisons" in metrics:
        console.print(_comparisons(metrics["comparisons"], console.width))
    notes: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for note in result["notes"]:
            notes.setdefault((result["dataset"], note), []).append(result["model"])
    for (dataset, note), models in notes.items():
        of_all = len(models) == sum(result["dataset"] == dataset for result in results)
        whose = dataset if of_all else f"{dataset}, {', '.join(models)}"
        console.print(Text(f" {visible(f'{whose}: {note}')}", "yellow"))
    if output:
        console.print(Text(f" Written: {output}, and {predictions_folder(output)}/", "dim"), soft_wrap=True)


def _figures(results: Sequence[Mapping[str, Any]], width: int) -> Table:
    """A block of rows for each set, a model a row; then the models' means over the sets."""
    from rich.markup import escape

    from modeling_rali.evaluation import figure

    from .terminal import visible

    models = list(dict.fromkeys(result["model"] for result in results))
    table = _table(
        ("n", "failed", "SRCC", "95 % interval", "PLCC", "PLCC\nmapped", "KRCC", "RMSE\nmapped", "in\ngroups"), width
    )
    for start in range(0, len(results), len(models)):
        table.add_row(f"[cyan]{results[start]['dataset']} {results[start]['split']}[/]")
        for result in results[start : start + len(models)]:
            within = result["within_group"]
            table.add_row(
                f"  {escape(visible(result['model']))}",
                f"{result['n']:,}",
                f"[red]{result['n_failed']:,}[/]" if result["n_failed"] else "0",
                f"[bold]{figure(result['srcc'])}[/]",
                _interval(result["srcc_ci95"]),
                *(figure(result[name]) for name in ("plcc", "plcc_logistic", "krcc", "rmse_logistic")),
                figure(within and within["mean"]),
            )
        table.add_section()
    if len(results) > len(models):
        table.add_row("[cyan]mean[/] [dim](by n)[/]")
        for model in models:
            table.add_row(
                f"  {escape(visible(model))}", *_means([result for result in results if result["model"] == model])
            )
    return table


def _means(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cells of one model's means over its sets, weighted by their pictures; RMSEs on different scales have none."""
    from modeling_rali.evaluation import figure
    from modeling_rali.metrics import weighted_mean

    def mean(name: str) -> str:
        values = [result[name] for result in results]
        return figure(None if None in values else weighted_mean(values, [result["n"] for result in results]))

    n, failed = (sum(result[name] for result in results) for name in ("n", "n_failed"))
    correlations = (mean("plcc"), mean("plcc_logistic"), mean("krcc"))
    return [f"{n:,}", f"{failed:,}", f"[bold]{mean('srcc')}[/]", "", *correlations]


def _comparisons(comparisons: Sequence[Mapping[str, Any]], width: int) -> Table:
    from rich.markup import escape

    from modeling_rali.evaluation import figure

    from .terminal import visible

    first, second = (escape(visible(comparisons[0][name])) for name in ("first", "second"))
    table = _table(("n", "difference", "95 % interval", "p"), width)
    table.add_row(f"[cyan]SRCC of {first} − {second}[/]")
    for one in comparisons:
        difference = f"[bold]{figure(one['difference'])}[/]"
        where = f"  {one['dataset']} {one['split']}"
        table.add_row(where, f"{one['n']:,}", difference, _interval(one["ci95"]), figure(one["p_value"]))
        for note in one["notes"]:
            table.add_row(f"  [yellow]{escape(visible(note))}[/]")
    return table


def _interval(bounds: Sequence[float] | None) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if bounds else "–"


def _table(numbers: Iterable[str], width: int) -> Table:
    """An empty table of one column of words, then numbers; with less room between them where the terminal is narrow."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2 if width >= 110 else 0, 0, 0))
    table.add_column(overflow="fold")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table

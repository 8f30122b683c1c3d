"""`rali datasets`: which benchmarks there are, whether a folder holds one whole, and pushing one to the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import stop_without_extra

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from modeling_rali.iqa_datasets import Benchmark, LabelledFolder, Report

NAMES_SHOWN = 10
SPLIT_LEGEND = "official: train/(validation/)test; by …: the owners define none, 70/10/20 % by a hash of it"


def datasets(
    name: Annotated[str | None, typer.Argument(help="A set's name, as the list shows it.")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="The folder to check: what the owners' archive unpacks to."),
    ] = None,
    push: Annotated[str | None, typer.Option(metavar="REPO", help="Push the checked set to this Hub dataset.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the pushed repository private.")] = False,
) -> None:
    """List the benchmarks; with a NAME show one; with --data-dir check a folder of it, decoding every picture.

    Exit 0: the folder is complete; 1: it is not, or the push failed; 2: wrong usage.
    """
    if data_dir is not None and name is None:
        raise typer.BadParameter("say which set the folder holds: rali datasets NAME --data-dir DIR")
    if push is not None and data_dir is None:
        raise typer.BadParameter("--push needs the set's folder: rali datasets NAME --data-dir DIR --push REPO")

    from huggingface_hub.errors import HfHubHTTPError
    from rich.console import Console
    from rich.markup import escape

    try:
        from modeling_rali.iqa_datasets import BENCHMARKS, IQADatasetError, check_dataset, push_iqa_dataset
    except ModuleNotFoundError as error:
        stop_without_extra(error)

    console = Console()
    if name is None:
        _print_list(console, list(BENCHMARKS.values()))
        return
    if name not in BENCHMARKS:
        raise typer.BadParameter(f"no set is called {name!r}; there are {', '.join(BENCHMARKS)}")
    if data_dir is None:
        _print_one(console, BENCHMARKS[name])
        return
    if push is not None and not (BENCHMARKS[name].redistributable or private):
        raise typer.BadParameter(
            f"the owners of {BENCHMARKS[name].title} do not clearly allow to pass it on: push it with --private"
        )
    try:
        report = check_dataset(name, data_dir)
        _print_report(console, report)
        if not report.complete:
            raise typer.Exit(1)
        if push is not None:
            console.print(f"Pushed to {push_iqa_dataset(name, data_dir, push, private=private)}")
    except (IQADatasetError, HfHubHTTPError, OSError) as error:
        Console(stderr=True).print(f"[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _print_list(console: Console, benchmarks: list[Benchmark]) -> None:
    overview = _table("NAME", "WHAT", "IMAGES", "SCORE", "SPLIT")
    overview.columns[2].justify = "right"
    sources = _table("NAME", "WHERE TO GET IT, LICENCE, WHAT IT UNPACKS TO")
    for benchmark in benchmarks:
        images = f"{benchmark.images:,}" if benchmark.images else "–"
        overview.add_row(benchmark.name, benchmark.kind, images, benchmark.score, _split_of(benchmark))
        about = [benchmark.homepage, f"licence: {benchmark.licence}", f"[dim]{benchmark.layout}[/]"]
        sources.add_row(benchmark.name, "\n".join(line for line in about if line), end_section=True)
    console.print(overview)
    console.print(f" {SPLIT_LEGEND}", style="dim")
    for benchmark in benchmarks:
        if benchmark.split_leaks:
            console.print(f" [yellow]⚠ {benchmark.name}: {benchmark.split_leaks}[/]")
    console.print(sources)
    console.print(" One set: rali datasets NAME · Is a folder whole: rali datasets NAME --data-dir DIR", style="dim")


def _print_one(console: Console, benchmark: Benchmark) -> None:
    facts = {
        "what": f"{benchmark.images:,} pictures, {benchmark.kind}" if benchmark.images else benchmark.kind,
        "score": benchmark.score,
        "note": benchmark.note or "",
        "split": _split_of(benchmark),
        "beware": f"[yellow]{benchmark.split_leaks}[/]" if benchmark.split_leaks else "",
        "licence": benchmark.licence,
        "pushing": "allowed" if benchmark.redistributable else "to a private repository only",
        "get it": benchmark.homepage,
        "unpacks to": benchmark.layout,
        "cite": benchmark.citation,
    }
    console.print(f"[bold]{benchmark.title}[/]")
    console.print(_facts({name: fact for name, fact in facts.items() if fact}))
    console.print(f" {SPLIT_LEGEND}", style="dim")


def _print_report(console: Console, report: Report) -> None:
    from rich.markup import escape

    folder, benchmark = report.folder, report.folder.benchmark
    verdict = "[bold green]✓[/] {} is complete" if report.complete else "[bold red]✗[/] {} is not complete"
    console.print(verdict.format(f"[bold]{benchmark.title}[/] in {escape(str(folder.data_dir))}"), soft_wrap=True)
    facts = {
        "labels": f"{folder.labels:,}",
        "pictures": f"{len(folder.pictures):,}" + ("" if report.undecodable else ", all decode"),
        "split": _splits_in(folder),
        "beware": f"[yellow]{benchmark.split_leaks}[/]" if benchmark.split_leaks else "",
    }
    if folder.excerpt:
        facts["labels"] += f" of the {benchmark.images:,} published: figures on an excerpt are not the benchmark's"
    console.print(_facts({name: fact for name, fact in facts.items() if fact}))
    for colour, found in (("red", report.problems), ("yellow", report.notes)):
        for what, names in found.items():
            console.print(f" [{colour}]{what}: {len(names):,}[/]")
            for name in names[:NAMES_SHOWN]:
                console.print(f"   {escape(name)}", soft_wrap=True, highlight=False)
            if len(names) > NAMES_SHOWN:
                console.print(f"   [dim]and {len(names) - NAMES_SHOWN:,} more[/]")


def _splits_in(folder: LabelledFolder) -> str:
    from collections import Counter

    from modeling_rali.iqa_datasets.splits import SPLITS

    counts = Counter(record.split or "in none" for record, _ in folder.pictures)
    listed = ", ".join(f"{split} {counts[split]:,}" for split in (*SPLITS, "in none") if split in counts)
    whose = f"by hash of the {folder.benchmark.grouped_by or 'image'}" if folder.hashed else "as labelled"
    return f"{listed} ({whose})"


def _split_of(benchmark: Benchmark) -> str:
    if benchmark.official_splits:
        counts = "/".join(str(count) for count in benchmark.official_splits.values())
        return f"official {counts}" + (" [yellow]⚠[/]" if benchmark.split_leaks else "")
    return f"by {benchmark.grouped_by or 'image'}" if benchmark.images else "as the labels say"


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, style="bold cyan" if column == "NAME" else "", overflow="fold")
    table.columns[0].no_wrap = True
    return table


def _facts(facts: dict[str, str]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, fact in facts.items():
        grid.add_row(f" {name}", fact)
    return grid

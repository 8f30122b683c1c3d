"""`rali table`: metrics JSON → the results tables of a Markdown file."""

from pathlib import Path
from typing import Annotated

import typer

from .options import stop, stop_without_extra


def table(
    metrics: Annotated[
        list[Path],
        typer.Argument(metavar="METRICS.json…", exists=True, dir_okay=False, help="What `rali evaluate` wrote."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md",
            exists=True,
            dir_okay=False,
            help="Put the tables between the lines <!-- results:begin --> and <!-- results:end --> of FILE.md.",
            show_default="the terminal",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 and a diff if --output is out of date.")
    ] = False,
) -> None:
    """Make the results tables, our figures beside published ones, from metrics.

    Exit status 0: made, or up to date; 1: out of date; 2: wrong usage.
    """
    if check and output is None:
        stop("--check needs the --output to look at.", 2)

    from difflib import unified_diff

    try:
        from modeling_rali.evaluation import results_tables, with_results
        from modeling_rali.metrics_file import read_metrics
    except ModuleNotFoundError as error:
        stop_without_extra(error)

    try:
        tables = results_tables([read_metrics(path) for path in metrics])
    except (OSError, ValueError) as error:
        stop(str(error), 2)
    if output is None:
        typer.echo(tables)
        return
    try:
        there = output.read_text(encoding="utf-8")
        wanted = with_results(there, tables)
    except (OSError, ValueError) as error:
        stop(f"{output}: {error}", 2)
    if check:
        lines = unified_diff(there.splitlines(), wanted.splitlines(), str(output), "as the metrics say", lineterm="")
        if difference := "\n".join(lines):
            typer.echo(difference)
            raise typer.Exit(1)
    elif wanted != there:
        output.write_text(wanted, encoding="utf-8")

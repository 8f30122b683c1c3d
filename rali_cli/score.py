"""`rali score`: pictures in, scores out."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import BatchSize, Device, DType, MaxPixels, Resume, TowerDType, stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modeling_rali import RaliModel
    from modeling_rali.inference import Result


def score(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…", help="Pictures, folders (with their subfolders), or - for a list on standard input."
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="DIR|ID", help="Checkpoint folder or Hub model.", show_default="rali-nano")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write results to FILE.csv, .jsonl or .parquet.", show_default="the terminal"
        ),
    ] = None,
    resume: Resume = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write, or replace, a page with the pictures in order of score."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say in a few words why: a column more, and maps in the report.")
    ] = False,
    text_bank: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="With --explain: add the nearest text of a bank, see the recipes."),
    ] = None,
    batch_size: BatchSize = None,
    device: Device = "auto",
    dtype: TowerDType = DType.auto,
    max_pixels: MaxPixels = 178_956_970,
) -> None:
    """Score pictures: higher is better.

    Results have the columns path, score, label, error (and explanation), in the order of the pictures, each scored once.
    A folder gives the files with the suffix of a picture format, hidden ones left out, sorted by name.

    Exit status 0: all were scored; 1: some could not be, and each has a row with its error; 2: wrong usage;
    130: interrupted.
    """
    if resume and output is None:
        stop("--resume needs the --output to go on with.", 2)
    if report is not None and (report.suffix != ".html" or not report.parent.is_dir()):
        stop(f"--report {report}: give a name that ends in .html, in a folder that exists.", 2)

    if text_bank is not None and not explain:
        stop("--text-bank is for --explain.", 2)

    import torch
    from rich.console import Console
    from transformers.utils import logging

    from modeling_rali.inference import (
        MAX_PIXELS,
        ResultsFile,
        TextBank,
        check_same_model,
        find_pictures,
        load_model,
        score_rows,
    )

    from .terminal import plain_row, progress_bar, results_table

    max_pixels = max_pixels or MAX_PIXELS
    logging.disable_progress_bar()
    try:
        file = ResultsFile(output, resume, explain) if output else None
        bank = TextBank.read(text_bank) if text_bank else None
        scorer = load_model(model, device=device, dtype=dtype, fused=True)
        if explain and scorer.terms is None:
            stop(
                f"{scorer.name_or_path}: has no quality terms to explain with; only a model aligned with texts has.", 2
            )
        text_dim = scorer.config.text_dim or scorer.config.embed_dim
        if bank and bank.embeds.shape[1] != text_dim:
            stop(f"{text_bank}: is of another model: {bank.embeds.shape[1]} wide, not {text_dim}.", 2)
        if file:
            check_same_model(scorer, file.earlier(), max_pixels)
    except (OSError, ValueError) as error:
        stop(str(error), 2)

    pictures = list(find_pictures(_expand(paths)))
    rows = [row for row in pictures if file is None or row[0] not in file]
    as_table = file is None and sys.stdout.isatty()
    # Held only where a table or a report needs them all at the end
    results: list[Result] = list(file.earlier()) if file and report else []
    scored = failed = 0
    trouble = None
    started = time.perf_counter()
    try:
        with (
            file or nullcontext(),
            closing(
                score_rows(scorer, rows, batch_size=batch_size, max_pixels=max_pixels, explain=explain, text_bank=bank)
            ) as stream,
            progress_bar(Console(stderr=True)) as progress,
        ):
            for result in progress.track(stream, total=len(rows)):
                if file:
                    file.write(result)
                elif not as_table:
                    typer.echo(plain_row(result))
                if as_table or report:
                    results.append(result)
                scored += result.error is None
                failed += result.error is not None
            seconds = time.perf_counter() - started
        if report:
            _write_report(report, results, scorer, max_pixels, explain)
    except KeyboardInterrupt:
        trouble, status = "interrupted", 130
    except torch.OutOfMemoryError:
        trouble, status = "out of memory on the device (try a smaller --batch-size)", 1
    except BrokenPipeError:
        raise
    except OSError as error:
        trouble, status = f"{error.filename or output}: {error.strerror or error}", 1

    if as_table:
        Console().print(results_table(results))
    kept = len(pictures) - len(rows)
    if trouble:
        done = f"{kept + scored + failed} of {len(pictures)}"
        typer.echo(f"{trouble}: {done} written; go on with --resume" if file else f"{trouble}: {done} scored", err=True)
        raise typer.Exit(status)
    before = f", {kept} from before" if resume else ""
    rate = f"{seconds:.1f} s, {(scored + failed) / seconds:.1f} pictures/s"
    typer.echo(f"{scored} scored, {failed} failed{before}: {rate}", err=True)
    raise typer.Exit(1 if failed else 0)


def _expand(paths: Iterable[str]) -> Iterator[str]:
    """The paths, with the lines of standard input in place of "-"."""
    for path in paths:
        if path == "-":
            lines = (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
            yield from (os.fsdecode(line) for line in lines if line)
        else:
            yield path


def _write_report(path: Path, results: list[Result], model: RaliModel, max_pixels: int, explain: bool) -> None:
    from modeling_rali import DEFAULT_CHECKPOINT, __version__
    from modeling_rali.inference import render_report

    low, high = model.config.score_range
    facts = {
        "model": "rali-nano" if model.name_or_path == DEFAULT_CHECKPOINT else str(model.name_or_path),
        "device and type": f"{model.device}, {str(model.dtype).removeprefix('torch.')}",
        "made": f"{time.strftime('%Y-%m-%d %H:%M')} with modeling-rali {__version__}",
    }
    page = render_report(results, (low, high), facts, max_pixels, mapping=model if explain else None)
    path.write_text(page, encoding="utf-8")

"""The command `rali`.

It stands beside the package because importing `modeling_rali` takes seconds: what is here imports it where a command runs.
"""

from typing import Annotated

import typer

from .convert import convert
from .datasets import datasets
from .evaluate import evaluate
from .info import info
from .map import map
from .push import push
from .score import score
from .table import table

app = typer.Typer(
    name="rali",
    help="No-reference image quality: scores from a small vision encoder.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (score, map, info, evaluate, table, datasets, convert, push):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rali {version('modeling-rali')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry of the console script."""
    app()

"""Options that several commands share, and how a command stops."""

from enum import StrEnum
from typing import Annotated, NoReturn

import typer


class DType(StrEnum):
    """Number types a vision tower can run in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with --output: score what it lacks, and what failed, once more.")
]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, help="Most pictures in one forward pass.", show_default="1 on a CPU, 32 on an accelerator"),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps, …")]
TowerDType = Annotated[DType, typer.Option("--dtype", help="Number type of the vision tower.")]
MaxPixels = Annotated[int, typer.Option(min=1, metavar="N", help="Refuse pictures with more pixels than this.")]


def stop_without_extra(error: ModuleNotFoundError) -> NoReturn:
    """End the command for lack of a package that the extra `eval` brings."""
    stop(f"{error.name} is not installed: pip install 'modeling-rali[eval]'.", 2)


def stop(message: str, status: int) -> NoReturn:
    """End the command with a message, in one line on standard error, and an exit status."""
    # A message may quote a file's name, which may hold anything: line breaks, or orders to the terminal
    printable = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in " ".join(message.split())
    )
    typer.echo(f"Error: {printable}", err=True)
    raise typer.Exit(status)

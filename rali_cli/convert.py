"""`rali convert`: the authors' released checkpoint → a RALI checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from .options import stop


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="Folder with ckpt.pt, pca.pkl, basis.npz and the CLIP folder best/."
        ),
    ],
    destination: Annotated[Path, typer.Argument(help="Folder of the RALI checkpoint; it must not exist.")],
    score_range: Annotated[
        tuple[float, float], typer.Option(metavar="LOW HIGH", help="The scale of the prototype scores.")
    ] = (1.0, 5.0),
) -> None:
    """Convert the authors' released checkpoint to a RALI checkpoint. Nothing in it is executed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from transformers.utils import logging

    from modeling_rali.conversion import convert_checkpoint

    from .terminal import visible

    logging.disable_progress_bar()
    try:
        found = convert_checkpoint(source, destination, score_range)
    except (OSError, ValueError) as error:
        stop(str(error), 1)
    temperature_origin = "ckpt.pt" if found.learnt_temperature else "the released code, as ckpt.pt has none"
    text_tower = f"{found.dropped_parameters:,} parameters, not needed to score" if found.dropped_parameters else "none"
    table = Table(title=Text(visible(f"{source} → {destination}")), show_header=False, title_justify="left")
    for name, value in (
        ("score range", f"{found.score_range[0]:g} to {found.score_range[1]:g}"),
        ("temperature", f"{found.temperature:.6g} (of {temperature_origin})"),
        ("prototypes", f"{found.num_prototypes}"),
        ("PCA", f"{found.pca_kind}, {found.embed_dim} → {found.pca_dim}"),
        ("parameters", f"{found.parameters:,}"),
        ("dropped text tower", text_tower),
    ):
        table.add_row(name, value)
    Console().print(table)

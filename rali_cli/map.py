"""`rali map`: where in a picture the score comes from."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Device, DType, MaxPixels, TowerDType, stop


def map(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Picture.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.png", help="Picture to write, or replace.")],
    model: Annotated[
        str | None, typer.Option(metavar="DIR|ID", help="Checkpoint folder or Hub model.", show_default="rali-nano")
    ] = None,
    device: Device = "auto",
    dtype: TowerDType = DType.auto,
    max_pixels: MaxPixels = 178_956_970,
) -> None:
    """Draw where in a picture the score comes from: red parts lower it, blue ones raise it.

    The head that scores the whole picture is applied to parts of it; the legend below tells their scores.

    Exit status 0: drawn; 1: the picture cannot be read, or the map not written; 2: wrong usage.
    """
    if output.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp") or not output.parent.is_dir():
        stop(f"--output {output}: give a name that ends in .png, .jpg or .webp, in a folder that exists.", 2)

    from transformers.utils import logging

    from modeling_rali.image_processing_rali import UnreadableImageError, read_image
    from modeling_rali.inference import draw_map, load_model

    logging.disable_progress_bar()
    try:
        scorer = load_model(model, device=device, dtype=dtype, fused=True)
    except (OSError, ValueError) as error:
        stop(str(error), 2)
    try:
        picture = read_image(image, max_pixels=max_pixels)
    except UnreadableImageError as error:
        stop(str(error), 1)
    try:
        drawn = draw_map(scorer, picture)
    except ValueError as error:
        stop(str(error), 2)
    try:
        drawn.save(output)
    except OSError as error:
        stop(f"{output}: {error.strerror or error}", 1)
    typer.echo(f"{output}: {drawn.width} × {drawn.height}", err=True)

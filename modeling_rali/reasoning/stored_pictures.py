"""Pictures of a dataset's column image, read so that one that cannot be shown is named."""

import io
from typing import Any

import PIL.Image
from datasets import Dataset, Image

from modeling_rali.image_processing_rali import UnreadableImageError, read_image


def undecoded(pictures: Dataset) -> Dataset:
    """The column image alone, as it is stored, for `read_stored`."""
    return pictures.select_columns("image").cast_column("image", Image(decode=False))


def read_stored(stored: dict[str, Any]) -> PIL.Image.Image:
    """A picture as a viewer shows it, see `read_image`.

    Args:
        stored: bytes and path, of which bytes may be None.

    Raises:
        UnreadableImageError: if it cannot be read or shown; the message names the file, where there is one.
    """
    if stored["bytes"] is None:
        return read_image(stored["path"])
    try:
        return read_image(PIL.Image.open(io.BytesIO(stored["bytes"])))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadableImageError(f"{stored['path'] or 'a picture without a name'}: {error}") from error

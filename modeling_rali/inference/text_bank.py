"""A bank of quality texts, to find the ones that are nearest to a picture."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import torch
from pyarrow import parquet
from torch.nn import functional as F

from ..replacing import replacing


class TextBank:
    """Texts with their embeddings, in the space of a model that was aligned with such texts.

    Args:
        texts: N texts.
        embeds: (N, D) their embeddings.

    Raises:
        ValueError: if there are none, or not one embedding a text.
    """

    def __init__(self, texts: Sequence[str], embeds: torch.Tensor) -> None:
        if len(texts) == 0 or embeds.ndim != 2 or len(texts) != len(embeds):
            raise ValueError(
                f"a text bank needs one embedding a text: {len(texts)} texts, embeddings {tuple(embeds.shape)}."
            )
        self.texts = list(texts)
        self.embeds = F.normalize(embeds.float(), dim=-1)

    def nearest(self, embed: torch.Tensor) -> str:
        """The text whose embedding has the highest cosine similarity with a picture's `RaliModel.text_embeds` (D,).

        Raises:
            ValueError: if the widths differ.
        """
        if embed.shape[-1] != self.embeds.shape[1]:
            raise ValueError(
                f"the text bank's embeddings are {self.embeds.shape[1]} wide and the model's {embed.shape[-1]}: it belongs to "
                "another model."
            )
        return self.texts[int((self.embeds @ embed.float().cpu()).argmax())]

    def save(self, path: Path) -> None:
        """Write a Parquet file with the columns text and embed."""
        width = self.embeds.shape[1]
        embeds = pa.FixedSizeListArray.from_arrays(pa.array(self.embeds.flatten().numpy()), width)
        with replacing(path) as file:
            parquet.write_table(pa.table({"text": self.texts, "embed": embeds}), file)

    @classmethod
    def read(cls, path: Path) -> "TextBank":
        """Read what `save` wrote.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is not a text bank.
        """
        try:
            table = parquet.read_table(path, columns=["text", "embed"])
            embeds = torch.tensor(table["embed"].combine_chunks().flatten().to_numpy())
            return cls(table["text"].to_pylist(), embeds.reshape(len(table), -1))
        except (pa.ArrowInvalid, KeyError, AttributeError, RuntimeError, TypeError) as error:
            raise ValueError(f"{path}: is not a text bank: {error}") from error

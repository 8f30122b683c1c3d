"""Image embeddings of a whole set of pictures, kept in a file from one run to the next."""

import copy
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from datasets import Dataset, Image
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save

from ..image_processing_rali import read_image
from ..inference.fusion import drop_open_gates, fuse_batch_norms
from ..modeling_rali import RaliModel
from ..replacing import replacing

_READ_AHEAD = 8


def picture_paths(dataset: Dataset) -> list[str]:
    """The files behind a dataset's `image` column, without decoding them."""
    return [image["path"] for image in dataset.cast_column("image", Image(decode=False))["image"]]


def embed_pictures(model: RaliModel, paths: Sequence[str], cache: Path, mirrored: bool = True) -> torch.Tensor:
    """Embed pictures with a model's tower, as they are and mirrored.

    Args:
        model: in evaluation mode.
        paths: N picture files.
        cache: a safetensors file; where it holds the embeddings of these files by this tower they are read from it,
            and otherwise it is written, whole or not at all.
        mirrored: embed the mirror image of each picture too, which has the same quality: a second view to train on.

    Returns:
        (V, N, D) embeddings, V = 2 with `mirrored` and 1 without.

    Raises:
        UnreadableImageError: for the first picture that cannot be shown.
    """
    key = _fingerprint(model, paths, mirrored)
    if cache.exists():
        with safe_open(cache, "pt") as file:
            if (file.metadata() or {}).get("fingerprint") == key:
                return file.get_tensor("embeds")
    fast = _fused(model)
    embeds = torch.stack(
        [
            _embed(fast, picture, mirrored)
            for picture in track(_read(model, paths), "Embedding pictures", total=len(paths))
        ],
        dim=1,
    )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with replacing(cache) as file:
        file.write(save({"embeds": embeds}, metadata={"fingerprint": key}))
    return embeds


def _read(model: RaliModel, paths: Sequence[str]) -> Iterator[torch.Tensor]:
    """The pixels of each picture, read a few ahead in another thread."""
    waiting: deque = deque()
    with ThreadPoolExecutor(1) as reader:
        for path in paths:
            waiting.append(reader.submit(lambda path: model.image_processor.pixels(read_image(path)), path))
            if len(waiting) > _READ_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _fused(model: RaliModel) -> RaliModel:
    """A copy for embedding alone, faster where the tower has batch norms or open gates, the same to rounding."""
    fast = copy.deepcopy(model)
    if fast.dtype == torch.float32 and fast.device.type == "cpu":
        drop_open_gates(fast.vision_model)
        fuse_batch_norms(fast.vision_model)
    return fast


@torch.inference_mode()
def _embed(model: RaliModel, picture: torch.Tensor, mirrored: bool) -> torch.Tensor:
    """One picture (3, H, W) → (V, D)."""
    views = [picture, picture.flip(-1)] if mirrored else [picture]
    # One at a time: on a processor, a batch's large buffers cost more than they save
    return torch.cat([model.get_image_features(view[None].to(model.device))[0].float().cpu() for view in views])


def _fingerprint(model: RaliModel, paths: Sequence[str], mirrored: bool) -> str:
    """A hash of all that the embeddings depend on: the tower's and its projection's weights, the preprocessing, the files."""
    digest = hashlib.sha256(json.dumps([model.config.preprocessing, model.config.pooling, mirrored]).encode())
    for name, tensor in model.state_dict().items():
        if not name.startswith(("head.", "terms.", "text_projection.")):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
    for path in paths:
        status = Path(path).stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()

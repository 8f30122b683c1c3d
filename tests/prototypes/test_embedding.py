"""Embeddings of pictures are the model's, and are kept only for the files and the tower they are of."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from modeling_rali import RaliModel
from modeling_rali.image_processing_rali import UnreadableImageError, read_image
from modeling_rali.prototypes import embed_pictures
from tests.tiny_benchmark import save_biq2021

PICTURES = 11  # more than are read ahead


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    images = save_biq2021(tmp_path, PICTURES, 0)[0] / "Images"
    return [str(images / f"ss{index}.jpg") for index in range(PICTURES)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "embeddings.safetensors"


@torch.no_grad()
def expected_of(model: RaliModel, paths: list[str]) -> torch.Tensor:
    """(2, N, D): as they are and mirrored."""
    pixels = [model.image_processor.pixels(read_image(path))[None] for path in paths]
    views = [[model.get_image_features(flip)[0] for flip in (picture, picture.flip(-1))] for picture in pixels]
    return torch.stack([torch.cat(view) for view in zip(*views, strict=True)])


def test_embeddings_are_the_models_in_order_with_their_mirror_images(
    tiny_efficientnet: RaliModel, paths: list[str], cache: Path
) -> None:
    expected = expected_of(tiny_efficientnet, paths)
    embeds = embed_pictures(tiny_efficientnet, paths, cache)
    torch.testing.assert_close(embeds, expected, atol=1e-4, rtol=1e-4)
    assert embeds.shape == (2, PICTURES, tiny_efficientnet.config.embed_dim)
    alone = embed_pictures(tiny_efficientnet, paths, cache, mirrored=False)
    torch.testing.assert_close(alone, expected[:1], atol=1e-4, rtol=1e-4)


def test_kept_embeddings_are_read_again_whatever_the_head(tiny_clip: RaliModel, paths: list[str], cache: Path) -> None:
    embeds = embed_pictures(tiny_clip, paths, cache)
    written = cache.stat().st_mtime_ns
    torch.nn.init.normal_(tiny_clip.head.prototypes)
    assert torch.equal(embed_pictures(tiny_clip, paths, cache), embeds)
    assert cache.stat().st_mtime_ns == written


@torch.no_grad()
def test_a_changed_picture_or_tower_is_embedded_anew(tiny_clip: RaliModel, paths: list[str], cache: Path) -> None:
    embed_pictures(tiny_clip, paths, cache)
    before = Path(paths[3]).stat()
    Image.open(paths[3]).convert("L").save(paths[3])
    os.utime(paths[3], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    torch.testing.assert_close(embed_pictures(tiny_clip, paths, cache), expected_of(tiny_clip, paths))
    torch.testing.assert_close(embed_pictures(tiny_clip, paths[::-1], cache), expected_of(tiny_clip, paths[::-1]))
    tiny_clip.vision_model.get_parameter(next(iter(dict(tiny_clip.vision_model.named_parameters())))).add_(0.5)
    torch.testing.assert_close(embed_pictures(tiny_clip, paths, cache), expected_of(tiny_clip, paths))


def test_a_picture_that_cannot_be_shown_is_named_and_nothing_is_kept(
    tiny_clip: RaliModel, paths: list[str], cache: Path
) -> None:
    Path(paths[-1]).write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError, match=r"ss10\.jpg"):
        embed_pictures(tiny_clip, paths, cache)
    assert not cache.exists()

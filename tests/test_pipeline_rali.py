"""`pipeline("image-quality")` over everything that a user may hand it."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Pipeline, pipeline
from transformers.pipelines.pt_utils import KeyDataset

from modeling_rali import ImageQualityPipeline, RaliModel, UnreadableImageError


@pytest.fixture
def pipe(tiny_efficientnet: RaliModel, tmp_path: Path) -> Pipeline:
    tiny_efficientnet.save_pretrained(tmp_path / "model")
    return pipeline("image-quality", model=str(tmp_path / "model"))


@pytest.fixture
def pictures(photo: Image.Image) -> list[Image.Image]:
    """Pictures of three shapes, mixed."""
    return [photo.resize(size) for size in [(90, 60), (60, 90), (64, 64), (90, 60), (64, 64), (60, 90), (90, 60)]]


def test_result_names_score_label_and_range(pipe: Pipeline, photo: Image.Image) -> None:
    result = pipe(photo)
    assert type(pipe) is ImageQualityPipeline
    assert set(result) == {"score", "label", "score_range"}
    assert result["score_range"] == (1.0, 5.0)
    assert 1 <= result["score"] <= 5
    assert result["label"] in ("bad", "poor", "fair", "good", "excellent")


def test_every_kind_of_input_gives_the_same_score(pipe: Pipeline, photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    photo.save(path)
    array = np.array(photo)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    expected = pipe(photo)
    assert [pipe(twin) for twin in (path, str(path), array, tensor, tensor / 255)] == [expected] * 5
    assert pipe(np.stack([array, array])) == [expected] * 2
    assert list(pipe(image for image in [photo, photo])) == [expected] * 2


def test_url(pipe: Pipeline, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        assert pipe(f"{address}/photo.png") == pipe(photo)
        with pytest.raises(UnreadableImageError, match="404"):
            pipe(f"{address}/none.png")
    finally:
        server.shutdown()


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_batches_of_mixed_sizes_score_as_one_by_one(
    pipe: Pipeline, pictures: list[Image.Image], batch_size: int
) -> None:
    alone = [pipe(picture)["score"] for picture in pictures]
    together = [result["score"] for result in pipe(pictures, batch_size=batch_size)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_generators_stream(pipe: Pipeline, pictures: list[Image.Image]) -> None:
    taken = []

    def source() -> Iterator[Image.Image]:
        for picture in pictures:
            taken.append(picture)
            yield picture

    next(iter(pipe(source())))
    assert len(taken) < len(pictures)


def test_dataset_column(pipe: Pipeline, pictures: list[Image.Image]) -> None:
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"image": pictures}, features=datasets.Features({"image": datasets.Image()}))
    results = [result["score"] for result in pipe(KeyDataset(data, "image"), batch_size=2)]
    np.testing.assert_allclose(results, [pipe(picture)["score"] for picture in pictures], atol=1e-5)


def test_unreadable_picture_is_named(pipe: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UnreadableImageError, match=r"text\.png"):
        pipe(str(tmp_path / "text.png"))


def test_bfloat16(pipe: Pipeline, photo: Image.Image, tmp_path: Path) -> None:
    half = pipeline("image-quality", model=str(tmp_path / "model"), dtype=torch.bfloat16)
    assert half(photo)["score"] == pytest.approx(pipe(photo)["score"], abs=0.4)


def test_saved_pipeline_works_again_without_a_flag(pipe: Pipeline, photo: Image.Image, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "saved")
    assert pipeline("image-quality", model=str(tmp_path / "saved"))(photo) == pipe(photo)

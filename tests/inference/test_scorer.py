import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_rali import RaliModel, UnreadableImageError
from modeling_rali.image_processing_rali import Picture
from modeling_rali.inference import (
    MAX_PIXELS,
    Result,
    check_same_model,
    default_batch_size,
    load_model,
    score_files,
    score_rows,
)
from modeling_rali.inference.scorer import READERS


@pytest.fixture
def pictures() -> list[tuple[str, Image.Image]]:
    """Named pictures of noise of three shapes, mixed."""
    rng = np.random.default_rng(0)
    sizes = [(40, 60), (60, 40), (50, 50)]
    return [
        (f"{index}.png", Image.fromarray(rng.integers(0, 256, (*sizes[index % 3], 3), dtype=np.uint8)))
        for index in range(11)
    ]


def one_by_one(model: RaliModel, pictures: list[tuple[str, Image.Image]]) -> list[float]:
    with torch.no_grad():
        return [model.score_pictures([model.image_processor.pixels(image)]).item() for _, image in pictures]


@pytest.mark.parametrize("batch_size", [None, 1, 3, 4, 100])
def test_scores_and_order_do_not_depend_on_the_batch(
    tiny_efficientnet: RaliModel, pictures: list[tuple[str, Image.Image]], batch_size: int | None
) -> None:
    results = list(score_rows(tiny_efficientnet, pictures, batch_size=batch_size))
    assert [result.path for result in results] == [name for name, _ in pictures]
    assert [result.score for result in results] == pytest.approx(one_by_one(tiny_efficientnet, pictures), abs=1e-5)
    assert all(result.error is None and result.label is not None for result in results)


def test_no_forward_pass_sees_more_pictures_than_the_batch_size(
    tiny_clip: RaliModel, pictures: list[tuple[str, Image.Image]]
) -> None:
    seen = []
    tiny_clip.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    list(score_rows(tiny_clip, pictures, batch_size=4))
    assert seen == [4, 4, 3]


def test_a_picture_that_cannot_be_read_is_an_error_in_its_place(
    tiny_clip: RaliModel, pictures: list[tuple[str, Image.Image]], tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    rows: list[tuple[str, Picture | UnreadableImageError]] = [
        pictures[0],
        ("a", tmp_path / "empty.jpg"),
        ("b", UnreadableImageError("met before.")),
        ("c", np.full((4, 4), -1.0)),
        pictures[1],
    ]
    first, empty, before, array, last = score_rows(tiny_clip, rows, batch_size=2)
    assert (first.path, last.path) == ("0.png", "1.png")
    assert [first.score, last.score] == pytest.approx(one_by_one(tiny_clip, pictures[:2]), abs=1e-5)
    assert empty == Result("a", error="the file is empty.")
    assert before == Result("b", error="met before.")
    assert array.error is not None and "must lie in [0, 1.0]" in array.error


def test_rows_are_drawn_only_a_little_ahead(tiny_clip: RaliModel, photo: Image.Image) -> None:
    drawn = 0

    def rows() -> Iterator[tuple[str, Image.Image]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield str(drawn), photo

    results = score_rows(tiny_clip, rows(), batch_size=5)
    for count in range(1, 41):
        assert next(results).path == str(count)
        assert drawn <= count + 5 + max(5, 2 * READERS) + 5
    results.close()


def test_readers_end_with_the_results(tiny_clip: RaliModel, pictures: list[tuple[str, Image.Image]]) -> None:
    results = score_rows(tiny_clip, pictures)
    next(results)
    assert any(thread.name.startswith("rali-reader") for thread in threading.enumerate())
    results.close()
    assert not any(thread.name.startswith("rali-reader") for thread in threading.enumerate())


def test_the_caller_may_train_between_results(tiny_clip: RaliModel, pictures: list[tuple[str, Image.Image]]) -> None:
    for _ in score_rows(tiny_clip, pictures[:2]):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_a_picture_above_the_limit_is_refused_by_its_header_alone(tiny_clip: RaliModel, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = (header, b"IDAT")  # no pixels: decoding them would give another error
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    )
    (result,) = score_files([path], tiny_clip)
    assert result.error == "more than the limit of 179 megapixels; raise it with --max-pixels."


@pytest.mark.parametrize(("max_pixels", "fits"), [(5400, True), (5399, False), (2699, False)])
def test_the_limit_is_exact(
    tiny_clip: RaliModel, photo: Image.Image, tmp_path: Path, max_pixels: int, fits: bool
) -> None:
    photo.save(tmp_path / "photo.png")
    (result,) = score_files([tmp_path / "photo.png"], tiny_clip, max_pixels=max_pixels)
    assert (result.error is None) == fits
    assert fits or "--max-pixels" in str(result.error)


def test_the_limit_stands_in_for_pillows_and_goes_again(
    tiny_clip: RaliModel, photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    photo.save(tmp_path / "photo.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (result,) = score_files([tmp_path / "photo.png"], tiny_clip, max_pixels=6000)
    assert result.error is None
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_the_default_limit_is_where_pillow_refuses() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert MAX_PIXELS == 2 * Image.MAX_IMAGE_PIXELS


def test_a_picture_as_thin_as_a_line_is_refused_before_it_is_enlarged(tiny_clip: RaliModel) -> None:
    (result,) = score_rows(tiny_clip, [("line", Image.new("RGB", (40_000, 1)))], max_pixels=1_000_000)
    assert result.error == "40000 × 1 pixels are too thin: they would be resized to 1280000 × 32."


def test_a_score_that_is_no_number_is_an_error(tiny_clip: RaliModel, photo: Image.Image) -> None:
    assert tiny_clip.projection is not None
    with torch.no_grad():
        tiny_clip.projection.weight.fill_(torch.inf)
    (result,) = score_rows(tiny_clip, [("photo", photo)])
    assert result.error == "the model's score is nan in torch.float32: try another dtype."


def test_score_files_takes_folders_a_model_or_its_checkpoint(
    tiny_checkpoint: Path, tiny_clip: RaliModel, pictures: list[tuple[str, Image.Image]], tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, image in pictures[:3]:
        image.save(folder / name)
    from_checkpoint = list(score_files([folder, "gone.png"], tiny_checkpoint, device="cpu"))
    assert from_checkpoint == list(score_files([folder, "gone.png"], tiny_clip))
    assert [os.path.basename(result.path) for result in from_checkpoint] == ["0.png", "1.png", "2.png", "gone.png"]  # noqa: PTH119
    assert [result.score for result in from_checkpoint[:3]] == pytest.approx(
        one_by_one(tiny_clip, pictures[:3]), abs=1e-5
    )
    assert from_checkpoint[3].error == "no such file."


def test_earlier_results_of_the_same_model_pass_in_another_dtype_too(
    tiny_checkpoint: Path, pictures: list[tuple[str, Image.Image]], tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    for name, image in pictures:
        image.save(tmp_path / "pictures" / name)
    earlier = list(score_files([tmp_path / "pictures"], tiny_checkpoint, dtype="float32"))
    for dtype in ("float32", "bfloat16", "float16"):
        check_same_model(load_model(tiny_checkpoint, dtype=dtype), earlier)


def test_earlier_results_of_another_model_are_found_out(
    tiny_clip: RaliModel, tiny_efficientnet: RaliModel, photo: Image.Image, tmp_path: Path
) -> None:
    photo.save(tmp_path / "photo.png")
    earlier = [Result("gone.png", 5.0, "excellent"), *score_files([tmp_path], tiny_clip)]
    with pytest.raises(ValueError, match=r"photo.png has .* among the earlier results, but this model gives it"):
        check_same_model(tiny_efficientnet, earlier)


def test_the_default_batch_is_one_picture_on_a_cpu() -> None:
    assert default_batch_size(torch.device("cpu")) == 1
    assert default_batch_size(torch.device("cuda")) == 32

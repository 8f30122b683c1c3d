"""What the model sees: pictures of every mode as a viewer shows them, and the three resize policies."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoImageProcessor, CLIPImageProcessorPil

from modeling_rali import RaliImageProcessor, UnreadableImageError
from modeling_rali.image_processing_rali import Resize, read_image, to_rgb


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("size", [(90, 60), (61, 97), (33, 200), (32, 32)])
def test_short_edge_equals_clips_own_processor(photo: Image.Image, size: tuple[int, int]) -> None:
    image = photo.resize(size)
    clip = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    expected = clip(image, return_tensors="pt")["pixel_values"]
    actual = RaliImageProcessor("short_edge", 32)(image, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=0)


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_area_keeps_the_shape_and_bounds_the_pixels(height: int, width: int) -> None:
    processor = RaliImageProcessor("area", 384, 32)
    rows, columns = processor.resized_size(height, width)
    assert rows % 32 == columns % 32 == 0
    assert rows * columns <= 1.34 * 384**2  # a short side of 1.5 steps becomes 2
    if max(height / width, width / height) < 5:
        assert rows * columns >= 0.7 * 384**2
        assert abs(np.log((rows / columns) / (height / width))) < 0.2


def test_area_depends_on_the_shape_and_not_on_the_resolution() -> None:
    processor = RaliImageProcessor("area", 384, 32)
    assert processor.resized_size(300, 400) == processor.resized_size(3000, 4000) == (320, 448)


def test_stretch_sees_the_whole_picture(photo: Image.Image) -> None:
    expected = np.asarray(photo.resize((32, 32), Image.Resampling.BICUBIC)) / 255
    actual = RaliImageProcessor("stretch", 32, image_mean=(0, 0, 0), image_std=(1, 1, 1)).pixels(photo)
    np.testing.assert_allclose(actual.permute(1, 2, 0).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("resize", ["short_edge", "stretch", "area"])
def test_tensor_path_differs_from_the_picture_path_by_rounding_only(photo: Image.Image, resize: Resize) -> None:
    processor = RaliImageProcessor(resize, 32, image_mean=(0, 0, 0), image_std=(1, 1, 1))
    tensor = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    difference = processor.pixels_from_tensor(tensor)[0] - processor.pixels(photo)
    assert difference.abs().max() < 2.5 / 255
    assert difference.abs().mean() < 0.5 / 255


def test_orientation_is_applied(photo: Image.Image, tmp_path: Path) -> None:
    sideways = photo.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(sideways, tmp_path / "sideways.png", exif=exif)
    np.testing.assert_array_equal(pixels(read_image(path)), pixels(photo))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(photo: Image.Image, orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", exif=exif)
    image = Image.open(buffer)
    np.testing.assert_array_equal(pixels(read_image(image)), pixels(ImageOps.exif_transpose(image)))


def test_alpha_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (pixels(read_image(saved(image, tmp_path / "clear.png"))) == 255).all()
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert abs(pixels(to_rgb(half)) - 127).max() <= 1
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30])
    assert (pixels(read_image(saved(palette, tmp_path / "palette.png", transparency=0))) == 255).all()
    assert (pixels(to_rgb(Image.new("LA", (2, 2), (7, 255)))) == 7).all()


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    np.testing.assert_array_equal(pixels(read_image(tmp_path / "ramp.png"))[..., 0], np.arange(256).reshape(16, 16))


def test_palette_grey_and_cmyk_show_their_colours(photo: Image.Image, tmp_path: Path) -> None:
    grey = saved(photo.convert("L"), tmp_path / "grey.jpg", quality=100)
    assert abs(pixels(read_image(grey))[..., 0] - pixels(photo.convert("L"))).mean() < 1
    cmyk = saved(photo.convert("CMYK"), tmp_path / "cmyk.jpg", quality=100, subsampling=0)
    assert abs(pixels(read_image(cmyk)) - pixels(photo)).mean() < 2
    palette = photo.quantize(64)
    np.testing.assert_array_equal(
        pixels(read_image(saved(palette, tmp_path / "palette.gif"))), pixels(palette.convert("RGB"))
    )


def test_first_frame_of_an_animation_or_multi_page_file(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("moving.gif", "pages.tif"):
        path = saved(frames[0], tmp_path / name, save_all=True, append_images=frames[1:])
        assert (pixels(read_image(path)) == (255, 0, 0)).all()


def test_one_pixel_and_extreme_shapes_come_out_at_a_fair_size() -> None:
    processor = RaliImageProcessor("area", 64, 16)
    for shape in [(1, 1), (1, 3000), (3000, 1)]:
        assert processor.pixels(Image.new("RGB", shape)).numel() <= 3 * 64**2


def test_arrays_and_tensors_equal_the_picture(photo: Image.Image) -> None:
    array = np.array(photo)
    for twin in (array, array.transpose(2, 0, 1), torch.from_numpy(array), array.astype(np.uint16) * 257, array / 255):
        np.testing.assert_array_equal(pixels(read_image(twin)), array)
    np.testing.assert_array_equal(pixels(read_image(array[..., 0]))[..., 2], array[..., 0])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 4, 5)), "shape"),
        (np.zeros((0, 3, 3)), "shape"),
        (np.full((4, 4), 2.0), "run from"),
        (np.full((4, 4), np.nan), "nan"),
        (np.full((4, 4), -1), "run from"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(UnreadableImageError, match=message):
        read_image(array)


def test_unreadable_files_are_named_with_the_reason(photo: Image.Image, tmp_path: Path) -> None:
    whole = saved(photo, tmp_path / "whole.jpg").read_bytes()
    png = saved(photo, tmp_path / "whole.png").read_bytes()
    cases = {
        "cut.jpg": (whole[: len(whole) // 2], "cannot be decoded"),
        "cut.png": (png[: len(png) // 2], "cannot be decoded"),
        "empty.jpg": (b"", "the file is empty"),
        "text.png": (b"not a picture", "not a picture"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableImageError, match=f"{name}: .*{message}"):
            read_image(tmp_path / name)
    with pytest.raises(UnreadableImageError, match=r"nowhere\.jpg: no such file"):
        read_image(tmp_path / "nowhere.jpg")
    with pytest.raises(UnreadableImageError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(UnreadableImageError, match=r"90 × 60 .* --max-pixels"):
        read_image(tmp_path / "whole.jpg", max_pixels=5000)
    with pytest.raises(UnreadableImageError, match="a program, which is not run"):
        read_image(saved(photo, tmp_path / "drawing.eps"))
    with pytest.raises(UnreadableImageError, match="32-bit float"):
        read_image(Image.new("F", (3, 3)))


def test_bytes_flipped_anywhere_give_a_picture_or_an_error_that_names_it(photo: Image.Image, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for format_name in ("jpg", "png", "gif", "tif", "webp", "bmp"):
        content = saved(photo, tmp_path / f"whole.{format_name}").read_bytes()
        for trial in range(30):
            broken = bytearray(content)
            for position in rng.integers(0, len(broken), 5):
                broken[position] = rng.integers(256)
            path = tmp_path / f"broken-{trial}.{format_name}"
            path.write_bytes(broken)
            try:
                read_image(path, max_pixels=10**7)
            except UnreadableImageError as error:
                assert path.name in str(error)


def test_a_batch_of_one_size_stacks_and_of_two_sizes_is_refused(photo: Image.Image) -> None:
    processor = RaliImageProcessor("area", 64, 16)
    assert processor([photo, photo], return_tensors="pt")["pixel_values"].shape[0] == 2
    mixed = [photo, photo.resize((60, 90))]
    with pytest.raises(ValueError, match="different sizes"):
        processor(mixed, return_tensors="pt")
    assert len(processor(mixed)["pixel_values"]) == 2
    assert processor(np.stack([np.array(photo)] * 3), return_tensors="np")["pixel_values"].shape[0] == 3


def test_processor_round_trips_through_auto_image_processor(tmp_path: Path, tiny_checkpoint: Path) -> None:
    processor = RaliImageProcessor("area", 64, 16, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    processor.save_pretrained(tmp_path)
    loaded = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(loaded) is RaliImageProcessor
    assert loaded.to_dict() == processor.to_dict()
    assert AutoImageProcessor.from_pretrained(tiny_checkpoint).size == 32


@pytest.mark.parametrize(
    "settings",
    [{"resize": "pad"}, {"size": 0}, {"size": 32, "multiple": 64}, {"image_std": (1, 1, 0)}, {"image_mean": (0,)}],
)
def test_settings_that_cannot_be_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"resize is|size is|image_mean"):
        RaliImageProcessor(**settings)


@pytest.mark.parametrize(
    "images", [torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)]
)
def test_tensor_path_refuses_other_shapes_and_types(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
        RaliImageProcessor().pixels_from_tensor(images)

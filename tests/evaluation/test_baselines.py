import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from modeling_rali.evaluation.baselines import Baseline, laplacian, load_brisque, score_with
from modeling_rali.image_processing_rali import UnreadableImageError, read_image
from modeling_rali.inference import MAX_PIXELS, ModelLoadError

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture
def brisque() -> Baseline:
    pytest.importorskip("brisque", reason="brisque or its OpenCV is not installed", exc_type=ImportError)
    return load_brisque()


def test_laplacian_is_the_variance_of_the_discrete_laplacian() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    grey = np.pad(pixels.astype(float), 1, "symmetric")
    expected = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    assert laplacian(Image.fromarray(pixels).convert("RGB")) == pytest.approx(expected.var(), rel=1e-5)


def test_laplacian_falls_with_blur_and_is_zero_for_a_flat_picture(photo: Image.Image) -> None:
    assert laplacian(photo) > laplacian(photo.filter(ImageFilter.GaussianBlur(1))) > 0
    assert laplacian(Image.new("RGB", (8, 8), "red")) == 0


@pytest.mark.parametrize("fault", ["blurred", "noisy", "compressed", "dark"])
def test_brisque_gives_a_faulty_picture_the_lower_score(brisque: Baseline, fault: str) -> None:
    good, bad = (read_image(SAMPLES / f"cat{suffix}.jpg") for suffix in ("", f"-{fault}"))
    assert brisque(good) > brisque(bad)


def test_brisque_refuses_a_line_of_pixels(brisque: Baseline) -> None:
    with pytest.raises(UnreadableImageError, match="1 × 30 pixels are too few"):
        brisque(Image.new("RGB", (1, 30)))


def test_without_its_package_brisque_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brisque", None)
    with pytest.raises(ModelLoadError, match=r"pip install \"brisque\[opencv-python-headless\]\""):
        load_brisque()


def test_many_rows_keep_their_order_and_bad_ones_have_an_error(tmp_path: Path, photo: Image.Image) -> None:
    names = [f"{index:02}.png" for index in range(40)]
    for index, name in enumerate(names):
        photo.rotate(index).save(tmp_path / name)
    (tmp_path / names[3]).write_bytes(b"")
    (tmp_path / names[7]).unlink()
    *results, again = score_with(laplacian, ((name, str(tmp_path / name)) for name in [*names, names[0]]), MAX_PIXELS)
    assert [result.path for result in results] == names
    assert {result.path: result.error for result in results if result.error} == {
        names[3]: "the file is empty.",
        names[7]: "no such file.",
    }
    for result in (*results, again):
        assert result.error or result.score == laplacian(read_image(tmp_path / result.path))


def test_a_picture_above_the_limit_and_one_without_a_value_have_an_error(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "large.png")
    Image.new("RGB", (10, 10)).save(tmp_path / "flat.png")
    rows = [(name, str(tmp_path / name)) for name in ("large.png", "flat.png")]
    large, flat = score_with(lambda image: float("nan"), rows, max_pixels=500)
    assert large.error == "more than the limit of 0 megapixels; raise it with --max-pixels."
    assert flat.score is None and flat.error == "the score is nan."

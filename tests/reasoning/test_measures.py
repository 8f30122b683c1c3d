"""Measured attributes in the prompt of a model that sees no picture, and the grades that go with its weights."""

from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image, ImageFilter

from modeling_rali.reasoning import wording
from modeling_rali.reasoning.attributes import measure
from modeling_rali.reasoning.measured_teacher import Grading
from modeling_rali.reasoning.measures import (
    GRADING_FILE,
    measure_pictures,
    measures_text,
    read_grading,
    save_grading,
)


def blurred(photo: Image.Image) -> list[Image.Image]:
    return [photo.filter(ImageFilter.GaussianBlur(radius / 3)) for radius in range(12)]


def test_text_tells_a_sharp_picture_from_a_blurred_one(photo: Image.Image) -> None:
    pictures = blurred(photo)
    grading = Grading.fit([measure(picture) for picture in pictures])
    sharpest, softest = (measures_text(measure(pictures[place]), grading) for place in (0, -1))
    assert sharpest.startswith("very crisp and sharp; ")
    assert softest.startswith("badly blurred, with no sharp edge; ")
    assert sharpest.endswith(" to white; 0.0 megapixels")


def test_no_two_grades_have_the_same_words() -> None:
    words = [synonyms[0] for grades in wording.ATTRIBUTES.values() for synonyms in grades]
    assert len(set(words)) == len(words) == 5 * len(wording.ATTRIBUTES)


def test_pictures_of_any_mode_are_measured_as_rgb(photo: Image.Image) -> None:
    pictures = Dataset.from_dict({"image": [photo, photo.convert("L")], "image_id": ["a", "b"]})
    measured = measure_pictures(pictures)
    expected = [measure(photo), measure(photo.convert("L").convert("RGB"))]
    np.testing.assert_allclose(measured, expected)


def test_grades_go_with_the_weights(photo: Image.Image, tmp_path: Path) -> None:
    grading = Grading.fit([measure(picture) for picture in blurred(photo)])
    assert read_grading(str(tmp_path)) is None
    save_grading(grading, tmp_path)
    assert read_grading(str(tmp_path)) == grading
    (tmp_path / GRADING_FILE).write_text('{"edges": {"sharpness": [1, 2]}}')
    with pytest.raises(ValueError, match=r"grading\.json holds no grades"):
        read_grading(str(tmp_path))

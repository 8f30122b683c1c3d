"""The measured teacher's texts differ, follow the seed, and say what was measured."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from modeling_rali.reasoning import wording
from modeling_rali.reasoning.attributes import Attributes, measure
from modeling_rali.reasoning.degradations import DEGRADATIONS, degrade
from modeling_rali.reasoning.measured_teacher import Grading, MeasuredTeacher, estimated_quality, write_texts
from modeling_rali.reasoning.teachers import Request


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    made = []
    for _ in range(30):
        noise = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
        made.append(degrade(picture, "gaussian_blur", int(rng.integers(1, 6))))
    return made


@pytest.fixture(scope="module")
def grading(pictures: list[Image.Image]) -> Grading:
    return Grading.fit([measure(picture) for picture in pictures])


def test_grades_are_quantiles(pictures: list[Image.Image], grading: Grading) -> None:
    grades = np.array([list(grading.grades(measure(picture)).values()) for picture in pictures])
    assert set(np.unique(grades)) <= set(range(5))
    share = np.bincount(grades[:, 0], minlength=5) / len(pictures)
    assert share == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.1], abs=0.05)


def test_too_few_pictures_for_quantiles_are_refused(pictures: list[Image.Image]) -> None:
    with pytest.raises(ValueError, match="3 are too few"):
        Grading.fit([measure(picture) for picture in pictures[:3]])


def test_texts_of_a_picture_differ_and_follow_the_seed(pictures: list[Image.Image], grading: Grading) -> None:
    measured = measure(pictures[0])
    texts = write_texts(measured, grading, 20, seed=3)
    assert len(set(texts)) == 20
    assert texts == write_texts(measured, grading, 20, seed=3)
    assert texts != write_texts(measured, grading, 20, seed=4)


def test_text_says_the_grades_and_no_other(pictures: list[Image.Image], grading: Grading) -> None:
    measured = measure(pictures[1])
    grades = grading.grades(measured)
    for text in write_texts(measured, grading, 10, seed=0):
        said = [name for name, words in wording.ATTRIBUTES.items() if any(word in text for word in words[grades[name]])]
        assert len(said) >= 3
        assert 10 <= len(text.split()) <= 60


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degradation_is_named_with_its_severity(pictures: list[Image.Image], grading: Grading, name: str) -> None:
    for text in write_texts(measure(pictures[0]), grading, 4, seed=0, degradation=(name, 4)):
        assert any(word in text for word in wording.DEGRADATION_NAMES[name])
        assert any(word in text.lower() for word in wording.SEVERITIES[3])


def test_quality_is_said_only_where_it_may_be(pictures: list[Image.Image], grading: Grading) -> None:
    request = Request(pictures[0], seeds=(1, 2, 3), quality=0.95)
    (silent,) = MeasuredTeacher(grading, say_quality=False).describe([request])
    (frank,) = MeasuredTeacher(grading, say_quality=True).describe([request])
    assert all(any(word in text for word in wording.QUALITIES[8]) for text in frank.texts)
    assert not any("quality" in text for text in silent.texts)
    assert frank.ratings == [pytest.approx(4.8)] * 3
    assert silent.ratings == [None] * 3


def test_estimate_falls_with_the_level_and_spares_colour() -> None:
    left = [estimated_quality(0.8, "jpeg", level) for level in range(1, 6)]
    assert all(0 < later < earlier < 0.8 for earlier, later in pairwise(left))
    assert left == pytest.approx([0.68, 0.52, 0.32, 0.16, 0.04])
    assert estimated_quality(0.8, "saturate", 3) == pytest.approx(0.8 * (1 - 0.55 * 0.6))


def test_words_stand_for_measures() -> None:
    assert set(wording.ATTRIBUTES) <= set(Attributes._fields)
    assert set(wording.DEGRADATION_NAMES) == set(DEGRADATIONS)

"""A reasoner as teacher: what it samples depends on the picture and the seed, and not on what is asked beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modeling_rali.reasoning.attributes import measure
from modeling_rali.reasoning.measured_teacher import Grading
from modeling_rali.reasoning.measures import save_grading
from modeling_rali.reasoning.reasoner_teacher import ReasonerTeacher, _SeededSampling
from modeling_rali.reasoning.teachers import Request


def requests(texts: int) -> list[Request]:
    """Three pictures of different sizes."""
    rng = np.random.default_rng(0)
    sizes = ((60, 60), (120, 60), (90, 150))
    pictures = [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
    return [
        Request(picture, tuple(range(first, first + texts)))
        for picture, first in zip(pictures, (0, 10, 20), strict=True)
    ]


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl", "llama"])
def test_texts_do_not_depend_on_what_is_asked_beside_them(
    tiny_reasoner: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    asked = requests(texts=2)
    folder = shutil.copytree(tiny_reasoner(family), tmp_path / family)
    if family == "llama":
        save_grading(Grading.fit([measure(request.image) for request in asked] * 4), folder)
    teacher = ReasonerTeacher(str(folder), max_new_tokens=8)
    together = teacher.describe(asked)
    assert together == [teacher.describe([request])[0] for request in asked]
    assert together == teacher.describe(asked)
    texts = [text for description in together for text in description.texts]
    assert len(set(texts)) == 6
    (again,) = teacher.describe([asked[1]._replace(seeds=(11, 99))])
    assert again.texts[0] == together[1].texts[1]
    assert again.texts[1] not in texts


def test_tokens_are_drawn_from_the_softmax() -> None:
    logits, temperature, draws = torch.tensor([2.0, 0.0, 1.0, -torch.inf]), 0.7, 20_000
    sampling = _SeededSampling(range(draws), temperature, torch.device("cpu"))
    left = sampling(torch.zeros(draws, 1, dtype=torch.long), logits.expand(draws, -1))
    assert torch.isinf(left).sum(-1).eq(3).all()
    frequencies = left.softmax(-1).mean(0)
    expected = (logits / temperature).softmax(-1)
    deviation = (expected * (1 - expected) / draws).sqrt()
    assert ((frequencies - expected).abs() <= 4 * deviation).all()

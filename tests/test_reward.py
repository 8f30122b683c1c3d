"""RALI as a reward: TRL's calling form, and gradients to the pixels."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from modeling_rali import RaliModel
from modeling_rali.image_processing_rali import Picture
from modeling_rali.inference import score_rows
from modeling_rali.reward import CompletionReward, PixelReward


def drawn(*pictures: Picture | None) -> Any:
    """A `draw` that makes these pictures, whatever the completions."""
    return lambda **columns: list(pictures)


def called(reward: CompletionReward, count: int) -> list[float | None]:
    return reward(
        prompts=["draw"] * count, completions=[f"c{row}" for row in range(count)], completion_ids=[[1]] * count
    )


def test_completion_earns_the_score_of_its_picture(tiny_clip: RaliModel, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    pictures: list[Picture] = [
        tmp_path / "photo.png",
        photo.rotate(180),
        photo.resize((50, 80)),
        torch.from_numpy(np.array(photo)).permute(2, 0, 1) / 255,
    ]
    rewards = called(CompletionReward(tiny_clip, drawn(*pictures)), 4)
    scores = [result.score for result in score_rows(tiny_clip, [("", picture) for picture in pictures])]
    assert rewards == scores
    assert rewards[0] == rewards[3]
    assert len(set(rewards)) == 3


def test_draw_is_called_as_trl_calls_a_reward_function(tiny_clip: RaliModel, photo: Image.Image) -> None:
    def turned(prompts: list[str], completions: list[str], side: list[int], **others: Any) -> list[Image.Image]:
        assert prompts == ["turn"] * 2
        assert set(others) == {"completion_ids", "trainer_state", "log_extra", "log_metric"}
        return [photo.resize((size, size)).rotate(int(text)) for text, size in zip(completions, side, strict=True)]

    reward = CompletionReward(tiny_clip, turned)
    given = {"trainer_state": None, "log_extra": print, "log_metric": print, "completion_ids": [[1], [2]]}
    rewards = reward(prompts=["turn"] * 2, completions=["0", "90"], side=[40, 60], **given)
    expected = [photo.resize((40, 40)), photo.resize((60, 60)).rotate(90)]
    assert rewards == called(CompletionReward(tiny_clip, drawn(*expected)), 2)


def test_no_picture_earns_none_and_an_unreadable_one_too_with_a_warning_that_names_it(
    tiny_clip: RaliModel, photo: Image.Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torn = tmp_path / "torn.png"
    photo.save(torn)
    torn.write_bytes(torn.read_bytes()[:500])
    pictures = [None, photo, torn, np.full((4, 4, 3), 2.0), photo]
    with caplog.at_level(logging.WARNING):
        rewards = called(CompletionReward(tiny_clip, drawn(*pictures)), 5)
    assert [reward is None for reward in rewards] == [True, False, True, True, False]
    assert rewards[1] == rewards[4]
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert warnings[0].startswith(f"{torn}: cannot be decoded")
    assert warnings[1].startswith("the picture of completion 3, 'c3': pixels of type float64 run from 2.0 to 2.0")


def test_score_that_is_not_finite_earns_none_with_a_warning(
    tiny_clip: RaliModel, photo: Image.Image, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_clip.head.prototype_scores.data.fill_(torch.nan)
    assert called(CompletionReward(tiny_clip, drawn(photo)), 1) == [None]
    assert "'c0': the model's score is nan" in caplog.text


def test_pictures_that_are_too_many_or_too_few_are_refused(tiny_clip: RaliModel, photo: Image.Image) -> None:
    with pytest.raises(ValueError, match="draw returned 1 pictures for 2 completions"):
        called(CompletionReward(tiny_clip, drawn(photo)), 2)


@pytest.fixture
def reward(tiny_clip: RaliModel) -> PixelReward:
    return PixelReward(tiny_clip)


def test_pixels_earn_the_models_score_and_the_gradient_is_its_slope(tiny_clip: RaliModel) -> None:
    # In double precision, where differences of scores are exact enough to be divided
    reward = PixelReward(nn.Module.to(tiny_clip, torch.float64))
    images = torch.rand(2, 3, 40, 56, dtype=torch.float64) * 0.9 + 0.05
    images.requires_grad_()
    scores = reward(images)
    assert scores.shape == (2,)
    assert torch.equal(scores, tiny_clip.score_images(images))
    scores.sum().backward()
    assert images.grad is not None
    direction = torch.randn_like(images)
    with torch.no_grad():
        ahead, behind = (reward(images + step * direction) for step in (1e-6, -1e-6))
    slope = ((ahead - behind) / 2e-6).sum()
    torch.testing.assert_close(slope, (images.grad * direction).sum(), rtol=1e-4, atol=1e-8)


def test_generator_learns_what_scores_higher(reward: PixelReward) -> None:
    generator = nn.Conv2d(3, 3, 3, padding=1)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.02)
    noise = torch.rand(4, 3, 64, 64)
    earned = []
    for _ in range(12):
        scores = reward(torch.sigmoid(generator(noise)))
        optimizer.zero_grad()
        (-scores.mean()).backward()
        optimizer.step()
        earned.append(scores.mean().item())
    assert earned[-1] > earned[0] + 0.05
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in reward.parameters())


def test_reward_stays_what_it_was_when_its_holder_trains(tiny_efficientnet: RaliModel) -> None:
    whole = nn.ModuleDict({"generator": nn.Conv2d(3, 3, 3, padding=1), "reward": PixelReward(tiny_efficientnet)})
    before = {name: tensor.clone() for name, tensor in whole["reward"].state_dict().items()}
    whole.train()
    assert whole["generator"].training
    whole["reward"](torch.rand(4, 3, 64, 64))  # batch norms in training mode would take note of it
    after = whole["reward"].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(module.training for module in whole["reward"].modules())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_images_are_scored_in_full(reward: PixelReward, dtype: torch.dtype) -> None:
    images = torch.rand(1, 3, 90, 120).to(dtype).requires_grad_()
    score = reward(images)
    assert torch.equal(score, reward(images.float()))
    score.sum().backward()
    assert images.grad is not None
    assert images.grad.dtype == dtype
    assert (images.grad != 0).any()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.full((1, 3, 8, 8), -0.25), r"from -0.25 to -0.25: they must lie in \[0, 1\].*\(x \+ 1\) / 2"),
        (torch.full((1, 3, 8, 8), 1.5), r"from 1.5 to 1.5"),
        (torch.full((1, 3, 8, 8), torch.nan), r"from nan to nan"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"torch.uint8: give floats"),
        (torch.zeros(1, 8, 8, 3), r"\(1, 8, 8, 3\).* of shape \(B, 3, H, W\)"),
    ],
)
def test_pixels_that_are_none_are_refused(reward: PixelReward, images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reward(images)

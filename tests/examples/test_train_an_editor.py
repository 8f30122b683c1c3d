"""The example of the reward in TRL's form, as a user starts it."""

import pytest

from .running import scores_of


def test_trained_editor_improves_both_pictures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dark, blurred = scores_of("train_an_editor", monkeypatch, capsys)
    assert dark[1] > dark[0] + 0.1
    assert blurred[1] > blurred[0] + 0.1

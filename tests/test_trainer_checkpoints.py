"""A run goes on from the latest checkpoint that is whole."""

from pathlib import Path

from modeling_rali.trainer_checkpoints import is_finished, last_checkpoint


def test_last_checkpoint_is_the_latest_whole_one(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "new") is None
    for step, state in [(2, "{}"), (9, "{}"), (10, '{"global_'), (11, None)]:
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-9")
    assert is_finished(tmp_path / "checkpoint-2")
    assert not is_finished(tmp_path / "checkpoint-10")
    assert not is_finished(tmp_path)

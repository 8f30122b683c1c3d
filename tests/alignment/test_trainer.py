"""The trainer: a batch is one batch however it is cut up and shared out, and an interrupted run comes to the same end."""

import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modeling_rali.alignment.trainer import HeldOut, ridge_prediction, score_error
from modeling_rali.trainer_checkpoints import last_checkpoint
from tests.tiny_benchmark import save_biq2021

from .processes import exit_status, in_processes
from .small_run import TRAINED, VALIDATION, killed_at, small_trainer, trained

BOTH: dict[str, Any] = {"text_weight": 0.5, "score_weight": 1.0}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_biq2021(tmp_path_factory.mktemp("benchmark"), TRAINED, VALIDATION)[0] / "Images"


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


def moved(after: dict[str, np.ndarray], before: dict[str, torch.Tensor]) -> float:
    """How far the weight that moved most has moved."""
    return max(float(np.abs(after[name] - tensor.numpy()).max()) for name, tensor in before.items())


def gradients(pictures: Path, output: Path, chunk_size: int | None, **settings: Any) -> dict[str, np.ndarray]:
    """The loss of the first batch of 8 and the gradients of all that is trained."""
    trainer = small_trainer(pictures, output, per_device_train_batch_size=8, chunk_size=chunk_size, **settings)
    trainer.create_optimizer()
    trainer.current_gradient_accumulation_steps = 1  # which `train` would set
    batch = next(iter(trainer.get_train_dataloader()))
    loss = trainer.training_step(trainer.model, batch)
    parameters = {name: weight.grad for name, weight in trainer.model.named_parameters()}
    return {"loss": loss.numpy(), **{name: grad.numpy() for name, grad in parameters.items() if grad is not None}}


@pytest.mark.parametrize("weights", [BOTH, {}, {"text_weight": 0.0, "score_weight": 1.0}])
@pytest.mark.parametrize("chunk_size", [3, 4])
def test_a_batch_in_chunks_has_the_gradients_of_the_whole(
    pictures: Path, tmp_path: Path, chunk_size: int, weights: dict[str, float]
) -> None:
    whole = gradients(pictures, tmp_path, None, **weights)
    assert any(name.startswith("rali.vision_model") for name in whole)
    assert ("readout.weight" in whole) == ("score_weight" in weights)
    in_chunks = gradients(pictures, tmp_path, chunk_size, **weights)
    assert_same({name: in_chunks[name] for name in whole}, whole, 2e-6)
    assert not any(grad.any() for name, grad in in_chunks.items() if name not in whole)


@pytest.mark.parametrize(("chunk_size", "own_projection"), [(None, False), (2, False), (2, True)])
def test_two_processes_come_to_the_weights_of_one(
    pictures: Path, tmp_path: Path, chunk_size: int | None, own_projection: bool
) -> None:
    settings = {**BOTH, "labelled": slice(1, None, 2), "max_steps": 3, "own_projection": own_projection}
    start = small_trainer(pictures, tmp_path, own_projection=own_projection).model.state_dict()
    before = {name: tensor.clone() for name, tensor in start.items()}
    alone = trained(pictures, tmp_path / "alone", per_device_train_batch_size=8, **settings)
    assert moved(alone, before) > 1e-3
    for process in in_processes(
        2, _trained_in_parts, pictures, tmp_path / "two", {**settings, "chunk_size": chunk_size}
    ):
        assert_same(process, alone, 2e-6)


def _trained_in_parts(pictures: Path, output: Path, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    return trained(pictures, output, **settings)


def test_after_kill_9_the_run_comes_to_the_same_weights(pictures: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**BOTH, "adam_epsilon": 1e-8, "max_steps": 6, "save_strategy": "steps", "save_steps": 2}
    expected = trained(pictures, tmp_path / "whole", **settings)
    output = tmp_path / "killed"
    assert exit_status(killed_at, 5, pictures, output, settings) == -signal.SIGKILL
    (output / "checkpoint-6").mkdir()  # one that was being written
    assert last_checkpoint(output) == str(output / "checkpoint-4")
    trainer = small_trainer(pictures, output, **settings)
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    weights = {name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()}
    assert_same(weights, {name: expected[name] for name in weights}, 0.0)


def test_the_best_epoch_is_what_is_left(pictures: Path, tmp_path: Path) -> None:
    by_epoch: dict[str, Any] = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "metric_for_best_model": "srcc",
        "greater_is_better": True,
    }
    trainer = small_trainer(pictures, tmp_path, **BOTH, max_steps=-1, num_train_epochs=4, **by_epoch)
    trainer.train()
    history = {entry["step"]: entry["eval_srcc"] for entry in trainer.state.log_history if "eval_srcc" in entry}
    assert len(history) == 4
    assert trainer.evaluate()["eval_srcc"] == max(history.values())


def test_labels_that_are_not_there_ask_for_nothing() -> None:
    predicted = torch.tensor([1.0, 5.0, -2.0], requires_grad=True)
    error = score_error(predicted, torch.tensor([0.0, math.nan, 1.0]))
    error.backward()
    assert error.item() == (1 + 9) / 2
    assert predicted.grad is not None and predicted.grad.tolist() == [1.0, 0.0, -3.0]
    assert score_error(predicted, torch.full((3,), math.nan)).item() == 0


def test_validation_without_a_line_to_the_score_fits_one() -> None:
    rng = np.random.default_rng(0)
    embeds = rng.normal(size=(300, 6))
    scores = (embeds / np.linalg.norm(embeds, axis=1, keepdims=True)) @ rng.normal(size=6) + 3
    train, other = torch.from_numpy(embeds).float().split([250, 50])
    predicted = ridge_prediction(train, scores[:250], other * 7)
    assert np.corrcoef(predicted, scores[250:])[0, 1] > 0.99
    assert abs(predicted.mean() - scores[250:].mean()) < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per_device_train_batch_size": 1}, "a batch of one picture has no negatives"),
        ({"per_device_train_batch_size": 13}, "12 pictures do not fill one batch of 13"),
        ({"gradient_accumulation_steps": 2}, "set chunk_size"),
        ({"text_weight": 0.0}, "one must be above 0"),
        ({"text_weight": -1.0, "score_weight": 2.0}, "none below"),
        ({"score_weight": 1.0, "labelled": slice(0)}, "no picture to train on has a label"),
        ({"reference": None}, "labelled pictures to fit a regression on"),
        ({"reference": HeldOut([], np.zeros(0))}, "labelled pictures to fit a regression on"),
        ({"held_out": HeldOut([], np.zeros(0))}, "0 labelled validation pictures .* set more pictures aside"),
        ({"held_out": HeldOut(["a.jpg", "b.jpg"], np.ones(2))}, "2 labelled .* without two different scores"),
    ],
)
def test_settings_that_leave_nothing_to_learn_are_refused(
    pictures: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small_trainer(pictures, tmp_path, **settings)


def test_weights_that_are_no_longer_finite_end_the_run(pictures: Path, tmp_path: Path) -> None:
    trainer = small_trainer(pictures, tmp_path)
    with torch.no_grad():
        trainer.model.rali.projection.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match="image embeddings of this batch are not finite"):
        trainer.train()

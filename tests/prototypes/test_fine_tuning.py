"""Fine-tuning improves a head, keeps the best epoch, and touches what it is told to alone."""

import pytest
import torch

from modeling_rali import RaliModel
from modeling_rali.prototypes.fine_tuning import Embedded, FineTuning, fine_tune

RANGE = (1.0, 5.0)


@pytest.fixture
def data(tiny_clip: RaliModel) -> tuple[Embedded, Embedded]:
    """Pictures whose score is a smooth function of one direction of the embedding."""
    generator = torch.Generator().manual_seed(0)
    embeds = torch.randn(400, 24, generator=generator)
    scores = 3 + 2 * torch.tanh(embeds[:, 0] + 0.3 * embeds[:, 1])
    return Embedded(embeds[:300], scores[:300]), Embedded(embeds[300:], scores[300:])


def test_tuning_learns_and_leaves_the_best_epoch(tiny_clip: RaliModel, data: tuple[Embedded, Embedded]) -> None:
    settings = FineTuning(epochs=30, learning_rate=3e-2, batch_size=32, train=("prototypes", "prototype_scores"))
    history = fine_tune(tiny_clip.head, *data, settings, RANGE)
    best = max(history, key=lambda record: record["validation_srcc"])
    assert best["validation_srcc"] > history[0]["validation_srcc"] + 0.3
    again = fine_tune(tiny_clip.head, *data, FineTuning(epochs=0), RANGE)
    assert again == [{"epoch": 0.0, "validation_srcc": pytest.approx(best["validation_srcc"])}]


def test_only_the_chosen_tensors_change(tiny_clip: RaliModel, data: tuple[Embedded, Embedded]) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_clip.head.state_dict().items()}
    fine_tune(tiny_clip.head, *data, FineTuning(epochs=3, learning_rate=3e-2, train=("prototype_scores",)), RANGE)
    changed = {name for name, tensor in tiny_clip.head.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"prototype_scores"}


def test_the_same_seed_gives_the_same_head(tiny_clip: RaliModel, data: tuple[Embedded, Embedded]) -> None:
    start = {name: tensor.clone() for name, tensor in tiny_clip.head.state_dict().items()}
    heads = []
    for seed in (1, 1, 2):
        tiny_clip.head.load_state_dict(start)
        fine_tune(tiny_clip.head, *data, FineTuning(epochs=4, learning_rate=1e-2, noise=0.1), RANGE, seed)
        heads.append(tiny_clip.head.prototypes.detach().clone())
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_views_of_a_picture_are_drawn_from(tiny_clip: RaliModel, data: tuple[Embedded, Embedded]) -> None:
    train, validation = data
    views = Embedded(torch.stack([train.embeds, torch.full_like(train.embeds, torch.nan)]), train.scores)
    history = fine_tune(tiny_clip.head, views, validation, FineTuning(epochs=0), RANGE)
    assert len(history) == 1
    with pytest.raises(ValueError, match=r"(?i)nan|finite"):
        fine_tune(tiny_clip.head, views, validation, FineTuning(epochs=1), RANGE)


def test_prototype_scores_stay_on_the_range(tiny_clip: RaliModel, data: tuple[Embedded, Embedded]) -> None:
    fine_tune(tiny_clip.head, *data, FineTuning(epochs=5, learning_rate=0.5, train=("prototype_scores",)), RANGE)
    scores = tiny_clip.head.prototype_scores
    assert scores.min() >= 1 and scores.max() <= 5
    assert (scores == 5).any() or (scores == 1).any()


def test_unknown_tensors_are_refused() -> None:
    with pytest.raises(ValueError, match="no tensors \\['bias'\\]"):
        FineTuning(train=("bias",))

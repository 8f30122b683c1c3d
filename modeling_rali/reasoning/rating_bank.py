"""The latest mean ratings of earlier images, which later ones are ranked against."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState


class RatingBank(TrainerCallback, ExportableState):
    """Mean ratings and labels of the latest `size` images of each dataset; an image seen again replaces its own entry.

    Ranks among B images are coarse where B is small; the bank makes them finer, at the price of means that a slightly
    older policy gave. As a callback of the trainer it is written into `trainer_state.json` with every checkpoint and
    comes back on resuming, whatever the trainer's `restore_callback_states_from_checkpoint`.
    """

    def __init__(self, size: int) -> None:
        """An empty bank.

        Args:
            size: images kept of each dataset.

        Raises:
            ValueError: for a size below 1.
        """
        if size < 1:
            raise ValueError(
                f"a bank holds at least one image; got size {size}: leave the bank out to rank without one"
            )
        self.size = size
        self.entries: dict[str, dict[str, tuple[float, float]]] = {}

    def others(self, dataset: str, image_ids: set[str]) -> tuple[list[float], list[float]]:
        """Means and labels of the images of `dataset` in the bank that are not among `image_ids`."""
        kept = [pair for image_id, pair in self.entries.get(dataset, {}).items() if image_id not in image_ids]
        return [mean for mean, _ in kept], [label for _, label in kept]

    def add(self, dataset: str, image_id: str, mean: float, label: float) -> None:
        """Enter an image as the latest; the oldest one leaves where there are more than `size`."""
        entries = self.entries.setdefault(dataset, {})
        entries.pop(image_id, None)
        entries[image_id] = (mean, label)
        while len(entries) > self.size:
            del entries[next(iter(entries))]

    def state(self) -> dict[str, Any]:
        """What `trainer_state.json` keeps: image id, mean and label of the images of each dataset, the oldest first."""
        # Lists, because the trainer sorts the keys of its JSON, and the order is which image leaves first
        entries = {
            dataset: [[name, *pair] for name, pair in images.items()] for dataset, images in self.entries.items()
        }
        return {"args": {"size": self.size}, "attributes": {"entries": entries}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take over the entries of the checkpoint that training goes on from."""
        # A checkpoint of a run without a bank knows none, and the trainer wants the key when it saves
        saved = state.stateful_callbacks.setdefault(type(self).__name__, self.state())
        self.entries = {}
        for dataset, images in saved["attributes"]["entries"].items():
            for image_id, mean, label in images:
                self.add(dataset, image_id, mean, label)

"""Speed of the alignment against the bare forward and backward pass of the same tower, on one machine in one run.

    python benchmarks/align.py PICTURES [--output FILE.json] [--count 64] [--crop-size 224] [--device cuda]

The alignment is `AlignmentTrainer` as recipes/align.py uses it, for rali-nano: reading and decoding in a process of their
own, both losses, the optimizer. The bare pass takes pictures of the same sizes that lie in memory. At least 0.8 of its speed
is wanted. Repetitions are interleaved, so that what else the machine does hits both alike, and the fastest counts. Pin the
threads with OMP_NUM_THREADS, and leave a core to the process that reads.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from rich.console import Console
from torch.nn import functional as F
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from modeling_rali.alignment.data import AlignmentDataset, Draw, Texts
from modeling_rali.alignment.model import AlignmentModel
from modeling_rali.alignment.starting import starting_model, starting_tower
from modeling_rali.alignment.tower import training_form
from modeling_rali.alignment.trainer import AlignmentTrainer, HeldOut
from modeling_rali.inference import find_device, find_pictures

TEXT_WIDTH = 384  # as all-MiniLM-L6-v2's
STEPS = 4


class StepTimes(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def alignment_step(model: AlignmentModel, data: AlignmentDataset, batch_size: int, cpu: bool, folder: str) -> float:
    """Seconds a step of the alignment, the first left out, in which the readers start."""
    times = StepTimes()
    arguments = TrainingArguments(
        folder,
        per_device_train_batch_size=batch_size,
        max_steps=STEPS + 1,
        dataloader_num_workers=1,
        dataloader_drop_last=True,
        remove_unused_columns=False,
        label_names=[],
        bf16=True,
        use_cpu=cpu,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        max_grad_norm=0.0,
    )
    trainer = AlignmentTrainer(
        model,
        arguments,
        data,
        degraded=np.zeros(len(data), dtype=bool),
        degraded_share=0.0,
        held_out=HeldOut(data.paths[:2], np.arange(2.0)),
        score_weight=1.0,
        callbacks=[times],
    )
    trainer.train()
    return (times.ends[-1] - times.ends[0]) / STEPS


def bare_step(model: AlignmentModel, pixels: list[torch.Tensor]) -> float:
    """Seconds of a forward and backward pass of the tower on pictures (3, H, W) in memory."""
    model.train()
    started = time.perf_counter()
    for _ in range(STEPS):
        model.zero_grad()
        with torch.autocast(pixels[0].device.type, dtype=torch.bfloat16):
            model.features(pixels).sum().backward()
        if pixels[0].is_cuda:
            torch.cuda.synchronize()
    return (time.perf_counter() - started) / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", help="folder of pictures")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=64, help="pictures")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--crop-size", type=int, help="of a random crop, as wide as high; whole pictures unless told")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON file")
    options = parser.parse_args()

    paths = [name for name, _ in find_pictures([options.pictures])][: options.count]
    rows = Dataset.from_dict({"image": paths})
    random = torch.Generator().manual_seed(0)
    embeds = F.normalize(torch.randn(len(paths), TEXT_WIDTH, generator=random), dim=-1)
    texts = Texts(embeds, np.arange(len(paths)), np.arange(len(paths) + 1))
    labels = torch.randn(len(paths), generator=random)
    device = find_device(options.device)
    tower = starting_tower("efficientnet-lite0", 384)
    alignment, bare = [], []
    with tempfile.TemporaryDirectory() as folder, training_form(tower.vision_model):
        everything = torch.ones(len(paths), dtype=torch.bool)
        model = starting_model(tower, rows, texts, labels, everything, Path(folder) / "features.safetensors")
        data = AlignmentDataset(rows, texts, labels, tower.image_processor, options.crop_size, seed=0)
        pixels = [
            data[Draw(row, epoch=0)]["pixel_values"].to(device) for row in range(min(options.batch_size, len(data)))
        ]
        for _ in range(options.repeats):
            alignment.append(alignment_step(model, data, options.batch_size, device.type == "cpu", folder))
            bare.append(bare_step(model, pixels))
    report = {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seconds a step, alignment": min(alignment),
        "seconds a step, forward and backward": min(bare),
        "speed of the alignment / forward and backward": min(bare) / min(alignment),
    }
    for name, value in report.items():
        Console().print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}", highlight=False)
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

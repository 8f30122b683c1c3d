"""Speed and memory of scoring many pictures, against its own parts and against plain code, on one machine in one run.

    python benchmarks/score.py PICTURES [--output FILE.json] [--device cuda] [--count 24] [--count-large 3]

For the checkpoint that ships with the package, and for CLIP ViT-L/14 at 336 px with random weights:

- reading alone (decoding and resizing), one picture after the other;
- the forward pass alone, on pixels that lie in memory, in the batches that `score_files` uses;
- the whole, `score_files` on the folder, which should cost at most 1.1 of the two together;
- plain code, one picture at a time, as one would write it with Pillow and transformers; its scores must agree.

On an accelerator also the most that its processor cores can read, and how much of the smaller limit the whole reaches: at
least 0.9 is wanted. Repetitions are interleaved, so that what else the machine does hits all alike, and the fastest counts.
`--memory` adds the peak memory of `rali score` on 100 and on 10 000 pictures. Pin the threads with OMP_NUM_THREADS.
"""

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

from modeling_rali import DEFAULT_CHECKPOINT, RaliConfig, RaliModel
from modeling_rali.image_processing_rali import read_image
from modeling_rali.inference import default_batch_size, find_device, find_pictures, load_model, score_rows
from modeling_rali.inference.scorer import READERS

# A process knows its own peak; what its parent is told of it includes the parent's own size
_SCORE_AND_TELL = """
import re, rali_cli
try:
    rali_cli.main()
finally:
    print(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1])
"""

Score = Callable[[str], float]
"""Path of a picture → its score."""


def plain_clip(model: RaliModel) -> Score:
    """Scores by CLIP's own processor and `get_image_features`, with the weights of `model`."""
    tiny_text = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 8,
    }
    config = CLIPConfig(
        text_config=tiny_text,
        vision_config=model.config.vision_config.to_dict(),
        projection_dim=model.config.projection_dim,
    )
    clip = CLIPModel(config).eval()
    clip.vision_model = model.vision_model
    clip.visual_projection = model.projection
    clip.to(model.device)
    side = model.image_processor.size
    processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    @torch.no_grad()
    def score(path: str) -> float:
        inputs = processor(images=Image.open(path).convert("RGB"), return_tensors="pt").to(model.device)
        embeds = clip.get_image_features(**inputs).pooler_output
        return model.head(embeds)[0].item()

    return score


def plain_stage_statistics(model: RaliModel) -> Score:
    """Scores by the tower's hidden states, their means and deviations, with the weights of `model`."""
    config, processor, projection = model.config, model.image_processor, model.projection or torch.nn.Identity()
    mean, std = np.array(processor.image_mean), np.array(processor.image_std)

    @torch.no_grad()
    def score(path: str) -> float:
        image = Image.open(path).convert("RGB")
        height, width = processor.resized_size(image.height, image.width)
        pixels = (np.array(image.resize((width, height), Image.Resampling.BICUBIC)) / 255 - mean) / std
        pixel_values = torch.from_numpy(pixels).permute(2, 0, 1)[None].float().to(model.device)
        states = model.vision_model(pixel_values, output_hidden_states=True).hidden_states
        pooled = [
            statistic(states[index], dim=(2, 3))
            for index in config.feature_indices
            for statistic in (torch.mean, deviation)
        ]
        return model.head(projection(torch.cat(pooled, dim=1)))[0].item()

    def deviation(state: torch.Tensor, dim: tuple[int, int]) -> torch.Tensor:
        return torch.std(state, dim=dim, correction=0)

    return score


def measure(work: Callable[[], object], count: int) -> dict[str, float]:
    """CPU and wall seconds a picture of `work`, which does `count` pictures."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"cpu": (time.process_time() - cpu) / count, "wall": (time.perf_counter() - wall) / count}


def batches(items: list[torch.Tensor], size: int) -> Iterable[list[torch.Tensor]]:
    remaining = iter(items)
    return iter(lambda: list(itertools.islice(remaining, size)), [])


@torch.inference_mode()
def compare(model: RaliModel, plain: Score, paths: list[str], repeats: int) -> dict[str, float]:
    """Seconds a picture of each way, by "<way> <cpu or wall>", the least of `repeats`; and the ratios."""
    processor, device = model.image_processor, model.device
    pixels = [processor.pixels(read_image(path)) for path in paths]

    def forward() -> None:
        for batch in batches(pixels, default_batch_size(device)):
            model.score_pictures(batch).tolist()

    def read(path: str) -> torch.Tensor:
        return processor.pixels(read_image(path))

    def read_in_threads() -> None:
        with ThreadPoolExecutor(READERS) as pool:
            for _ in pool.map(read, paths):
                pass

    def whole() -> list[float | None]:
        return [result.score for result in score_rows(model, [(path, path) for path in paths])]

    ways: dict[str, Callable[[], object]] = {
        "read": lambda: [read(path) for path in paths],
        "forward": forward,
        "whole": whole,
        "plain": lambda: [plain(path) for path in paths],
    }
    if device.type != "cpu":
        ways["read in threads"] = read_in_threads
    difference = max(abs(ours - plain(path)) for ours, path in zip(whole(), paths, strict=True) if ours is not None)
    assert difference < 0.01, f"the plain code scores otherwise, by {difference}: it does not do the same"
    least: dict[str, float] = {}
    for _ in range(repeats):
        for way, work in ways.items():
            for clock, seconds in measure(work, len(paths)).items():
                least[f"{way} {clock}"] = min(seconds, least.get(f"{way} {clock}", seconds))
    least["whole / (read + forward), cpu"] = least["whole cpu"] / (least["read cpu"] + least["forward cpu"])
    least["plain / whole, wall"] = least["plain wall"] / least["whole wall"]
    if device.type != "cpu":
        limit = max(least["read in threads wall"], least["forward wall"])
        least["throughput / smaller limit"] = limit / least["whole wall"]
    return least


def peak_memory(picture: str, counts: Iterable[int]) -> dict[str, float]:
    """Peak resident MiB of `rali score`, with a tiny model, on folders of so many hard links to one picture; on Linux."""
    tower: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
    }
    tower |= {"image_size": 32, "patch_size": 16, "model_type": "clip_vision_model"}
    config = RaliConfig(vision_config=tower, projection_dim=16, pca_dim=8, num_prototypes=8, preprocessing={"size": 32})
    peaks = {}
    with tempfile.TemporaryDirectory() as name:
        RaliModel(config).save_pretrained(f"{name}/tiny")
        for count in counts:
            folder = Path(name, f"{count} pictures")
            folder.mkdir()
            shutil.copy(picture, folder / "0.jpg")
            for index in range(1, count):
                (folder / f"{index}.jpg").hardlink_to(folder / "0.jpg")
            arguments = ["score", str(folder), "--model", f"{name}/tiny", "--output", f"{folder}.csv"]
            done = subprocess.run(
                [sys.executable, "-c", _SCORE_AND_TELL, *arguments], capture_output=True, text=True, check=True
            )
            peaks[folder.name] = int(done.stdout.split()[-1]) / 1024
    return peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", help="folder of pictures")
    parser.add_argument("--model", default=DEFAULT_CHECKPOINT, help="checkpoint to measure beside CLIP ViT-L/14")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=24, help="pictures")
    parser.add_argument("--count-large", type=int, default=3, help="pictures for CLIP ViT-L/14; 0 leaves it out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--output", type=Path, help="JSON file")
    arguments = parser.parse_args()

    paths = [name for name, _ in find_pictures([arguments.pictures])][: arguments.count]
    small = load_model(arguments.model, device=arguments.device, fused=True)
    plain = plain_stage_statistics if small.config.pooling == "stage_statistics" else plain_clip
    as_loaded = load_model(arguments.model, device=arguments.device)
    figures = {Path(arguments.model).name: compare(small, plain(as_loaded), paths, arguments.repeats)}
    if arguments.count_large:
        large = RaliModel(RaliConfig()).eval()
        torch.nn.Module.to(large, find_device(arguments.device))
        figures["CLIP ViT-L/14-336"] = compare(
            large, plain_clip(large), paths[: arguments.count_large], arguments.repeats
        )
    device = str(small.device)
    report: dict[str, object] = {"device": device, "threads": torch.get_num_threads(), "torch": torch.__version__}
    report["seconds a picture"] = figures
    if arguments.memory:
        report["peak MiB"] = peak_memory(paths[0], (100, 10_000))

    table = Table("", *figures, title=f"{device}, {torch.get_num_threads()} threads; seconds a picture")
    for row in next(iter(figures.values())):
        table.add_row(row, *(f"{values[row]:.4f}" for values in figures.values()))
    console = Console()
    console.print(table)
    if arguments.memory:
        console.print(f"peak MiB: {report['peak MiB']}")
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

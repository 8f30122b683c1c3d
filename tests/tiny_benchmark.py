"""A small benchmark in the layout of BIQ2021, for recipes to read."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter


def save_biq2021(folder: Path, train: int, validation: int) -> tuple[Path, Path]:
    """Textures of 64 × 48 pixels whose MOS falls with their blur, and the file of scenes that sets some aside.

    Returns the benchmark's folder and the file.
    """
    root = folder / "BIQ2021"
    (root / "Images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for index in range(train + validation + 2):
        radius = rng.uniform(0, 4)
        texture = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        large = texture.resize((64, 48), Image.Resampling.NEAREST).filter(ImageFilter.GaussianBlur(radius))
        large.save(root / "Images" / f"ss{index}.jpg", quality=95)
        rows.append((f"ss{index}.jpg", round(1 - radius / 4, 4)))
    for split, part in (("Train", rows[:-2]), ("Test", rows[-2:])):
        with (root / f"{split} (Images and MOS).csv").open("w", newline="") as file:
            csv.writer(file).writerows([("Image Name", "MOS"), *part])
    scenes = folder / "scenes.csv"
    with scenes.open("w", newline="") as file:
        sides = ["train"] * train + ["validation"] * validation
        names = [name for name, _ in rows[:-2]]
        csv.writer(file).writerows([("image_id", "group", "split"), *zip(names, range(len(names)), sides, strict=True)])
    return root, scenes

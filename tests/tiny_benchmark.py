"""A small benchmark in the layout of BIQ2021, for recipes to read."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

PHOTOS = [Path(__file__).parents[1] / "samples" / f"{name}.jpg" for name in ("astronaut", "cat", "coffee", "rocket")]


def save_biq2021(folder: Path, train: int, validation: int) -> tuple[Path, Path]:
    """Pieces of photographs, 64 × 48 pixels, whose MOS falls with their blur, and the file of scenes that sets some aside.

    Returns the benchmark's folder and the file.
    """
    root = folder / "BIQ2021"
    (root / "Images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    photos = [Image.open(path).convert("RGB") for path in PHOTOS]
    rows = []
    for index in range(train + validation + 2):
        radius = rng.uniform(0, 4)
        photo = photos[index % len(photos)]
        left, top = (int(rng.integers(size - 240)) for size in photo.size)
        piece = photo.resize((64, 48), box=(left, top, left + 240, top + 180)).filter(ImageFilter.GaussianBlur(radius))
        piece.save(root / "Images" / f"ss{index}.jpg", quality=95)
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

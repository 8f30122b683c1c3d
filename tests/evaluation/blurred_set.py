"""A small set of one's own: pictures that are the worse the more they are blurred, and a CSV of their scores."""

from pathlib import Path

from PIL import Image, ImageFilter

from tests.iqa_datasets.layouts import write_csv


def write_blurred_set(folder: Path, photo: Image.Image, count: int = 12) -> Path:
    """Write 00.png, 01.png … and their scores, from 5 downwards; returns the folder."""
    names = [f"{index:02}.png" for index in range(count)]
    write_csv(folder / "scores.csv", [["image", "mos"], *([name, 5 - index / 12] for index, name in enumerate(names))])
    (folder / "scores.json").write_text('{"worst": 1, "best": 5}')
    for index, name in enumerate(names):
        photo.filter(ImageFilter.GaussianBlur(index / 8)).save(folder / name)
    return folder

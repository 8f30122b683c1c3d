"""Small folders in the layouts and label formats that the owners' archives unpack to."""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from openpyxl import Workbook
from PIL import Image
from scipy.io import savemat


def picture(path: Path) -> None:
    """A picture of 12 × 8 pixels that differs with its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    Image.fromarray(rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)).save(path)


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def koniq10k(folder: Path) -> None:
    head = ["image_name", *(f"c{grade}" for grade in range(1, 6)), "c_total", "MOS", "SD", "set"]
    sides = ["training", "training", "test", "validation", "training", "test"]
    rows = [
        [f"{index}04473376.jpg", 0, 0, 0.2, 0.7, 0.1, 105, 10.5 + 15 * index, 0.5 + index / 10, side]
        for index, side in enumerate(sides)
    ]
    write_csv(folder / "koniq10k_distributions_sets.csv", [head, *rows])
    for row in rows:
        picture(folder / "1024x768" / str(row[0]))


def spaq(folder: Path) -> None:
    head = ["Image name", "MOS", "Brightness", "Colorfulness", "Contrast", "Noisiness", "Sharpness"]
    rows: list[list[object]] = [[f"{index:05d}.jpg", 6.25 * index, 50, 50, 50, 50, 50] for index in range(1, 13)]
    write_xlsx(folder / "Annotations" / "MOS and Image attribute scores.xlsx", {"Sheet1": [list(head), *rows]})
    for row in rows:
        picture(folder / "TestImage" / str(row[0]))


def kadid10k(folder: Path) -> None:
    rows: list[list[object]] = [["dist_img", "ref_img", "dmos", "var"]]
    for reference in range(1, 82, 4):
        picture(folder / "images" / f"I{reference:02d}.png")
        for kind, level in ((1, 1), (25, 5)):
            name = f"I{reference:02d}_{kind:02d}_{level:02d}.png"
            rows.append([name, f"I{reference:02d}.png", 5 - level / 2 - reference / 100, 0.25])
            picture(folder / "images" / name)
    write_csv(folder / "dmos.csv", rows)


def pipal(folder: Path) -> None:
    for reference in range(1, 13):
        picture(folder / "Train_Ref" / f"A{reference:04d}.bmp")
        lines = []
        for kind, number in ((0, 0), (6, 11)):
            name = f"A{reference:04d}_{kind:02d}_{number:02d}.bmp"
            lines.append(f"{name},{1000 + 50 * reference + 10 * kind}.5\n")
            picture(folder / f"Distortion_{1 + reference % 4}" / name)
        (folder / "Train_Label").mkdir(exist_ok=True)
        (folder / "Train_Label" / f"A{reference:04d}.txt").write_text("".join(lines))


def live_wild(folder: Path) -> None:
    names = [f"t{index}.bmp" for index in range(1, 8)] + [f"{index}.bmp" for index in range(100, 112)]
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = [np.array([name]) for name in names]
    data = folder / "Data"
    data.mkdir(parents=True)
    savemat(data / "AllImages_release.mat", {"AllImages_release": cells})
    savemat(data / "AllMOS_release.mat", {"AllMOS_release": np.arange(len(names), dtype=float)[None] * 5})
    savemat(data / "AllStdDev_release.mat", {"AllStdDev_release": np.full((1, len(names)), 19.5)})
    for name in names:
        picture(folder / "Images" / ("trainingImages" if name.startswith("t") else "") / name)


def agiqa3k(folder: Path) -> None:
    head = ["name", "prompt", "adj1", "adj2", "style", "mos_quality", "std_quality", "mos_align", "std_align"]
    rows: list[list[object]] = [
        [f"{setting}_{prompt:03d}.jpg", f"a cat, number {prompt}", "", "", "", prompt / 4, 0.3, 4.9, 0.1]
        for setting in ("AttnGAN_normal", "sd1.5_lowstep")
        for prompt in range(12)
    ]
    write_csv(folder / "data.csv", [head, *rows])
    for row in rows:
        picture(folder / str(row[0]))


def csiq(folder: Path) -> None:
    rows: list[list[object]] = [
        [],
        [],
        [],
        [None, None, None, "image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"],
    ]
    for reference in ("1600", "boston", "cactus", "elk", "family", "foxy", "lake", "monument", "redwood", "swarm"):
        picture(folder / "src_imgs" / f"{reference}.png")
        for index, kind, in_name in ((1, "noise", "AWGN"), (3, "jpeg 2000", "jpeg2000")):
            image = int(reference) if reference.isdigit() else reference  # as the owners' workbook has it
            rows.append([None, None, None, image, index, kind, 3, 0.05, 0.25 * index])
            picture(folder / "dst_imgs" / in_name.lower() / f"{reference}.{in_name}.3.png")
    write_xlsx(folder / "csiq.DMOS.xlsx", {"overview": [["CSIQ"]], "all_by_image": rows})


def tid2013(folder: Path) -> None:
    names = [
        f"i{reference:02d}_{kind:02d}_{level}.bmp" for reference in range(1, 13) for kind, level in ((1, 2), (24, 5))
    ]
    names[0] = names[0].upper().replace("BMP", "bmp")  # as the owners have it
    folder.mkdir(parents=True)
    lines = [f"{index / 4:.5f} {name}\r\n" for index, name in enumerate(names)]
    (folder / "mos_with_names.txt").write_bytes("".join(lines).encode())
    (folder / "mos_std.txt").write_text("".join(f"{0.1 + index / 100}\n" for index in range(len(names))))
    for index, name in enumerate(names):
        picture(folder / "distorted_images" / (name.upper() if index % 2 else name))
    picture(folder / "reference_images" / "I01.BMP")


def biq2021(folder: Path) -> None:
    train: list[list[object]] = [[f"ss01 ({index}).jpg", index / 8, "", ""] for index in range(1, 6)]
    test: list[list[object]] = [[f"ss02 ({index}).jpg", 1 - index / 8] for index in range(1, 4)]
    write_csv(folder / "Train (Images and MOS).csv", [["Image Name", "MOS", "", ""], *train])
    write_csv(folder / "Test (Images and MOS).csv", [["Image Name", "MOS"], *test])
    for row in (*train, *test):
        picture(folder / "Images" / str(row[0]).replace("ss01 (2).jpg", "ss01 (2).JPG"))


def deqa_score(folder: Path) -> None:
    def records(numbers: range) -> list[dict[str, object]]:
        return [
            {
                "id": f"{number}.jpg->{number}",
                "image": f"KONIQ/images/{number}.jpg",
                "gt_score": 20.0 * number,
                "gt_score_norm": 1 + number / 2,
                "std": 0.5,
                "std_norm": 0.02,
            }
            for number in numbers
        ]

    (folder / "metas").mkdir(parents=True)
    (folder / "metas" / "train_koniq_7k.json").write_text(json.dumps(records(range(0, 4))))
    (folder / "metas" / "test_koniq_2k.json").write_text(json.dumps({"results": records(range(4, 6))}))
    (folder / "metas" / "val_koniq.json").write_text(json.dumps({"data": records(range(6, 8))}))
    for number in range(8):
        picture(folder / "images" / f"{number}.jpg")


def scored(folder: Path) -> None:
    rows = [[f"scene{index // 3}/shot{index % 3}.png", 5 - index / 12, f"scene{index // 3}"] for index in range(36)]
    write_csv(folder / "scores.csv", [["filename", "mos", "group"], *rows])
    (folder / "scores.json").write_text(json.dumps({"worst": 1, "best": 5}))
    for row in rows:
        picture(folder / str(row[0]))


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "koniq10k": koniq10k,
    "spaq": spaq,
    "biq2021": biq2021,
    "live_wild": live_wild,
    "kadid10k": kadid10k,
    "tid2013": tid2013,
    "csiq": csiq,
    "pipal": pipal,
    "agiqa3k": agiqa3k,
    "deqa_score": deqa_score,
    "folder": scored,
}

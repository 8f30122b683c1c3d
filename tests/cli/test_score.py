import csv
import json
import os
import pty
import re
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from pyarrow import parquet
from typer.testing import CliRunner, Result

from modeling_rali import RaliModel
from modeling_rali.inference import read_results
from rali_cli import app

from .processes import fork_rali, wait

Score = Callable[..., Result]
"""`rali score` with a tiny model and the given arguments, and bytes on standard input."""


@pytest.fixture
def folder(tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three pictures in pictures/."""
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for name, image in {"a": photo, "b": photo.rotate(90), "c": photo.resize((30, 50))}.items():
        image.save(f"pictures/{name}.png")
    return tmp_path


@pytest.fixture
def rali_score(tiny_checkpoint: Path) -> Score:
    def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        command = ["score", "--model", str(tiny_checkpoint), *map(str, arguments)]
        return CliRunner().invoke(app, command, input=stdin, catch_exceptions=False)

    return run


def rows_of(output: str) -> dict[str, list[str]]:
    """path → [score, label, error] of plain rows."""
    return {path: values for path, *values in (line.split("\t") for line in output.splitlines())}


def test_without_output_rows_go_to_standard_output_and_the_count_to_standard_error(
    rali_score: Score, folder: Path
) -> None:
    done = rali_score("pictures")
    assert done.exit_code == 0
    rows = rows_of(done.stdout)
    assert list(rows) == ["pictures/a.png", "pictures/b.png", "pictures/c.png"]
    for score, label, error in rows.values():
        assert 1 <= float(score) <= 5 and label in ("bad", "poor", "fair", "good", "excellent") and error == ""
    assert done.stderr.startswith("3 scored, 0 failed: ")


def test_the_three_formats_hold_the_same(rali_score: Score, folder: Path) -> None:
    for name in ("scores.csv", "scores.jsonl", "scores.parquet"):
        assert rali_score("pictures", "gone.png", "--output", name).exit_code == 1
    with Path("scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in Path("scores.jsonl").read_text().splitlines()]
    table = parquet.read_table("scores.parquet").to_pylist()
    assert lines == table
    assert [{**row, "score": row["score"] and float(row["score"])} for row in rows] == [
        {name: "" if value is None else value for name, value in row.items()} for row in lines
    ]
    assert [row["path"] for row in table] == ["pictures/a.png", "pictures/b.png", "pictures/c.png", "gone.png"]
    assert table[3] == {"path": "gone.png", "score": None, "label": None, "error": "no such file."}


def test_bad_pictures_get_a_row_with_their_error_and_odd_ones_a_score(
    rali_score: Score, folder: Path, photo: Image.Image
) -> None:
    photo.save("photo.jpg", quality=95)
    content = Path("photo.jpg").read_bytes()
    bad = {
        "truncated.jpg": content[: len(content) // 2],
        "zero.jpg": b"",
        "text.png": b"only words",
        "header.gif": b"GIF89a",
    }
    odd = Path("odd")
    odd.mkdir()
    for name, part in bad.items():
        (odd / name).write_bytes(part)
    grey = photo.convert("L")
    photo.save(odd / "animated.gif", save_all=True, append_images=[photo.rotate(180)] * 2)
    photo.save(odd / "pages.tiff", save_all=True, append_images=[photo.rotate(180)])
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(odd / "sixteen.png")
    grey.save(odd / "grey.png")
    photo.quantize(32).save(odd / "palette.png")
    photo.convert("CMYK").save(odd / "cmyk.jpg")
    grey.save(odd / "grey.jpg")
    photo.convert("RGBA").save(odd / "alpha.png")
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(odd / "clear.png")
    Image.new("RGB", (50, 50), "white").save(odd / "white.png")
    Image.new("RGB", (1, 1)).save(odd / "pixel.png")
    photo.save(odd / "upright.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo.transpose(Image.Transpose.ROTATE_90).save(odd / "turned.png", exif=exif)
    photo.resize((200, 200)).save(odd / "large.png")

    done = rali_score(odd, "--max-pixels", 39_999)
    rows = rows_of(done.stdout)
    errors = {Path(path).name: error for path, (*_, error) in rows.items() if error}
    assert done.exit_code == 1
    assert errors.keys() == {*bad, "large.png"}
    assert errors["zero.jpg"] == "the file is empty."
    assert errors["text.png"] == "not a picture in a format that Pillow reads."
    assert "truncated" in errors["truncated.jpg"]
    assert "--max-pixels" in errors["large.png"]
    scores = {Path(path).name: float(score) for path, (score, _, error) in rows.items() if not error}
    assert scores["turned.png"] == scores["upright.png"] == scores["alpha.png"] == scores["pages.tiff"]
    assert scores["sixteen.png"] == scores["grey.png"] != scores["upright.png"]
    assert scores["clear.png"] == scores["white.png"]
    assert done.stderr.startswith(f"{len(scores)} scored, 5 failed: ")


def test_paths_come_from_standard_input_too(rali_score: Score, folder: Path) -> None:
    done = rali_score("pictures/c.png", "-", stdin=b"pictures\r\n\npictures/a.png\ngone.png\n")
    assert list(rows_of(done.stdout)) == ["pictures/c.png", "pictures/a.png", "pictures/b.png", "gone.png"]


def test_odd_file_names_are_scored_and_written_readably(rali_score: Score, folder: Path, photo: Image.Image) -> None:
    names = [
        b"a,b.png",
        b'"quoted".png',
        b"line\nbreak.png",
        b"tab\tand \x1b[31mred.png",
        "写真.png".encode(),
        b"caf\xe9.png",
    ]
    Path("odd").mkdir()
    for name in names:
        photo.save(os.fsdecode(b"odd/" + name), "PNG")
    done = rali_score("odd", "--output", "scores.csv")
    assert done.exit_code == 0
    assert {result.path for result in read_results(Path("scores.csv"))} == {
        "odd/" + name.decode("utf-8", "backslashreplace") for name in names
    }
    plain = rali_score("odd")
    assert plain.stdout.count("\n") == len(names)
    assert "odd/tab\\tand \\x1b[31mred.png\t" in plain.stdout
    assert rali_score("odd", "--output", "scores.csv", "--resume").stderr.startswith(
        "0 scored, 0 failed, 6 from before"
    )


@pytest.mark.parametrize("name", ["scores.csv", "scores.jsonl", "scores.parquet"])
def test_resume_scores_what_is_new_and_what_failed_and_keeps_the_rest(
    rali_score: Score, folder: Path, name: str
) -> None:
    Path("pictures/broken.png").touch()
    assert rali_score("pictures", "--output", name).exit_code == 1
    before = {result.path: result for result in read_results(Path(name))}
    Path("pictures/a.png").rename("pictures/d.png")
    Path("pictures/c.png").rename("pictures/broken.png")
    done = rali_score("pictures", "--output", name, "--resume")
    assert done.exit_code == 0
    assert done.stderr.startswith("2 scored, 0 failed, 1 from before")
    after = [result.path for result in read_results(Path(name))]
    assert after == [f"pictures/{letter}.png" for letter in ("a", "b", "c", "broken", "d")]
    assert all(result == before[result.path] for result in list(read_results(Path(name)))[:3])


def test_resuming_with_another_model_is_refused(
    rali_score: Score, folder: Path, tiny_efficientnet: RaliModel, tmp_path: Path
) -> None:
    tiny_efficientnet.save_pretrained(tmp_path / "other")
    rali_score("pictures", "--output", "scores.csv")
    content = Path("scores.csv").read_bytes()
    done = rali_score("pictures", "--output", "scores.csv", "--resume", "--model", tmp_path / "other")
    assert done.exit_code == 2
    assert "among the earlier results, but this model gives it" in done.stderr
    assert Path("scores.csv").read_bytes() == content


def test_an_output_that_exists_is_refused(rali_score: Score, folder: Path) -> None:
    Path("scores.csv").write_text("precious")
    done = rali_score("pictures", "--output", "scores.csv")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: scores.csv exists: go on with it with --resume, or delete it to score everything anew.\n"
    )
    assert Path("scores.csv").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--output", "scores.txt"], "scores.txt: results go to a file named *.csv, *.jsonl, *.parquet."),
        (["--output", "nowhere/scores.csv"], "nowhere: no such folder; make it first."),
        (["--resume"], "--resume needs the --output to go on with."),
        (["--report", "report.jpg"], "--report report.jpg: give a name that ends in .html, in a folder that exists."),
        (["--device", "cuda:99"], 'no device "cuda:99" here; there is: cpu'),
        (["--model", "./nowhere"], "./nowhere: no such folder."),
    ],
)
def test_wrong_usage_is_told_in_one_line(rali_score: Score, folder: Path, arguments: list[str], says: str) -> None:
    done = rali_score("pictures", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {says}")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["pictures", "tiny-clip"]


@pytest.mark.parametrize("arguments", [["--batch-size", "0"], ["--dtype", "int8"], ["--max-pixels", "many"]])
def test_impossible_values_are_wrong_usage(rali_score: Score, folder: Path, arguments: list[str]) -> None:
    assert rali_score("pictures", *arguments).exit_code == 2


def test_a_folder_without_pictures_fails_with_a_row(rali_score: Score, folder: Path) -> None:
    Path("empty").mkdir()
    done = rali_score("empty")
    assert done.exit_code == 1
    assert rows_of(done.stdout) == {"empty": ["", "", "no pictures in this folder."]}


def test_batch_size_and_dtype_hardly_change_the_scores(rali_score: Score, folder: Path) -> None:
    def scores(*arguments: str) -> list[float]:
        return [float(score) for score, *_ in rows_of(rali_score("pictures", *arguments).stdout).values()]

    assert scores("--batch-size", "3") == pytest.approx(scores(), abs=2e-4)
    assert scores("--dtype", "bfloat16") == pytest.approx(scores(), abs=0.1)


def test_the_report_shows_all_pictures_of_the_output_also_after_a_resume(rali_score: Score, folder: Path) -> None:
    rali_score("pictures/a.png", "--output", "scores.csv")
    rali_score("pictures", "gone.png", "--output", "scores.csv", "--resume", "--report", "report.html")
    page = Path("report.html").read_text(encoding="utf-8")
    for name in ("a.png", "b.png", "c.png"):
        assert page.count(f'alt="{name}"') == 1
    assert "gone.png" in page and "no such file." in page and "tiny-clip" in page


def test_a_terminal_gets_a_table_with_whole_paths(tiny_checkpoint: Path, folder: Path, photo: Image.Image) -> None:
    name = "a long name of a picture [with brackets] that no table on a narrow terminal has room for.png"
    photo.save(name)
    terminal, inside = pty.openpty()
    termios.tcsetwinsize(inside, (50, 60))
    child = fork_rali("score", name, "gone.png", "--model", str(tiny_checkpoint), stdout=inside, stderr=inside)
    os.close(inside)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(terminal, 1000):
            shown += part
    assert wait(child) == 1
    lines = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown.decode()).splitlines()
    assert "".join(name.split()) in "".join(line.strip().split("  ")[0] for line in lines).replace(" ", "")
    assert any(re.fullmatch(r".* [1-5]\.\d\d +(bad|poor|fair|good|excellent) *", line) for line in lines), lines
    assert any(re.fullmatch(r" ?gone.png +– +no such file. *", line) for line in lines), lines
    assert any(line.startswith("1 scored, 1 failed: ") for line in lines), lines

"""`rali score --explain` and `rali map`."""

import csv
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from pyarrow import parquet
from typer.testing import CliRunner, Result

from modeling_rali import RaliModel
from modeling_rali.alignment.quality_terms import TermPair, fit_quality_terms
from modeling_rali.image_processing_rali import read_image
from modeling_rali.inference import TextBank
from rali_cli import app

TERMS = {"sharp", "blurred", "clean", "noisy"}


@pytest.fixture
def checkpoint(tiny_efficientnet: RaliModel, tmp_path: Path) -> Path:
    """A tiny model with two pairs of terms."""
    generator = torch.Generator().manual_seed(0)
    pairs = [TermPair("sharp", "blurred", ("a",), ("b",)), TermPair("clean", "noisy", ("c",), ("d",))]
    embeds = torch.randn(6, 80, generator=generator)
    fit_quality_terms(
        tiny_efficientnet,
        lambda texts: torch.nn.functional.normalize(torch.randn(len(texts), 80, generator=generator)),
        pairs,
        embeds,
    )
    tiny_efficientnet.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def pictures(photo: Image.Image, tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    photo.save(tmp_path / "pictures" / "a.png")
    photo.rotate(90).save(tmp_path / "pictures" / "b.png")
    (tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


def rali(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def words(explanation: str) -> set[str]:
    return set(explanation.partition(";")[0].split(", ")) - {"nothing unusual"}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_results_get_a_column_of_explanations(checkpoint: Path, pictures: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"scores.{suffix}"
    assert rali("score", pictures, "--model", checkpoint, "--explain", "--output", output).exit_code == 1
    if suffix == "csv":
        with output.open(newline="") as file:
            rows = list(csv.DictReader(file))
    elif suffix == "jsonl":
        rows = [json.loads(line) for line in output.read_text().splitlines()]
    else:
        rows = parquet.read_table(output).to_pylist()
    assert list(rows[0]) == ["path", "score", "label", "error", "explanation"]
    assert all(words(row["explanation"]) <= TERMS for row in rows[:2])
    assert not rows[2]["explanation"]
    assert rows[2]["error"]
    again = rali("score", pictures, "--model", checkpoint, "--explain", "--output", output, "--resume")
    assert "0 scored, 1 failed, 2 from before" in again.output


def test_file_begun_without_explanations_is_not_mixed(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.csv"
    rali("score", pictures, "--model", checkpoint, "--output", output)
    mixed = rali("score", pictures, "--model", checkpoint, "--output", output, "--explain", "--resume")
    assert mixed.exit_code == 2
    assert "not results with the columns path, score, label, error, explanation" in mixed.output


def test_nearest_text_of_a_bank_joins(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    TextBank(["It is what it is."], torch.randn(1, 80)).save(tmp_path / "bank.parquet")
    bank = ("--explain", "--text-bank", tmp_path / "bank.parquet")
    output = rali("score", pictures / "a.png", "--model", checkpoint, *bank).output
    assert '; like "It is what it is."' in output
    TextBank(["It is what it is."], torch.randn(1, 7)).save(tmp_path / "bank.parquet")
    refused = rali("score", pictures / "a.png", "--model", checkpoint, *bank)
    assert refused.exit_code == 2
    assert "is of another model: 7 wide, not 80" in refused.output


def test_nearest_text_is_sought_in_the_space_of_texts(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    model = RaliModel.from_pretrained(checkpoint).eval()
    model.config.text_dim, model.text_projection = 7, torch.nn.Linear(80, 7)
    model.save_pretrained(tmp_path / "projecting")
    embed = model.explain([model.image_processor.pixels(read_image(pictures / "a.png"))])[0].embed
    there = model.text_embeds(embed).detach()[None]
    TextBank(["Far.", "Near."], torch.cat([-there, there])).save(tmp_path / "bank.parquet")
    bank = ("--explain", "--text-bank", tmp_path / "bank.parquet")
    assert 'like "Near."' in rali("score", pictures / "a.png", "--model", tmp_path / "projecting", *bank).output


def test_model_without_terms_is_refused(tiny_checkpoint: Path, pictures: Path) -> None:
    refused = rali("score", pictures, "--model", tiny_checkpoint, "--explain")
    assert refused.exit_code == 2
    assert "has no quality terms to explain with" in refused.output


def test_report_shows_explanations_and_maps(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    rali("score", pictures, "--model", checkpoint, "--explain", "--report", report)
    page = report.read_text()
    assert page.count('<img class="map"') == 2
    assert page.count('class="explanation"') == 2
    rali("score", pictures, "--model", checkpoint, "--report", report)
    assert '<img class="map"' not in report.read_text()


def test_map_is_written(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    result = rali("map", pictures / "a.png", "--model", checkpoint, "-o", tmp_path / "map.png")
    assert result.exit_code == 0
    with Image.open(tmp_path / "map.png") as drawn:
        assert drawn.width == 90
        assert drawn.height > 60


@pytest.mark.parametrize(
    ("picture", "output", "status", "message"),
    [
        ("broken.png", "map.png", 1, "not a picture in a format that Pillow reads"),
        ("none.png", "map.png", 1, "no such file"),
        ("a.png", "map.txt", 2, "give a name that ends in .png"),
        ("a.png", "no/folder/map.png", 2, "in a folder that exists"),
    ],
)
def test_what_cannot_be_mapped_is_said(
    checkpoint: Path, pictures: Path, tmp_path: Path, picture: str, output: str, status: int, message: str
) -> None:
    result = rali("map", pictures / picture, "--model", checkpoint, "-o", tmp_path / output)
    assert result.exit_code == status
    assert message in result.output
    assert not (tmp_path / output).exists()

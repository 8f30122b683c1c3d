from pathlib import Path

from typer.testing import CliRunner

from modeling_rali import RaliModel
from rali_cli import app

CARD = """---
license: apache-2.0
datasets: [user/photographs]
base_model: user/tower
model-index:
- name: tiny
  results:
  - task: {type: image-quality}
    dataset: {type: biq2021, name: BIQ2021}
    metrics: [{type: srcc, value: 0.82}]
---
# Tiny
"""


def info(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["info", *arguments])
    return result.exit_code, result.output


def test_info_tells_what_model_this_is(tiny_checkpoint: Path) -> None:
    status, output = info("--model", str(tiny_checkpoint))
    assert status == 0
    facts = dict(line.strip("│ ").split("  ", 1) for line in output.splitlines() if line.startswith("│"))
    facts = {name: fact.strip() for name, fact in facts.items()}
    assert facts["checkpoint"] == str(tiny_checkpoint)
    assert facts["score range"] == "1 to 5, higher is better"
    assert facts["sees"] == "short side to 32 px, centre 32 × 32"
    assert facts["tower"] == "clip_vision_model, 23,936 parameters, float32"
    assert facts["prototypes"].startswith("11 in 8 dimensions")
    assert facts["temperature"] == "0.2"
    assert "licence" not in facts


def test_info_tells_what_the_card_says(tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / "README.md").write_text(CARD)
    _, output = info("--model", str(tiny_checkpoint))
    for fact in ("user/photographs", "user/tower", "apache-2.0", "srcc 0.82 on BIQ2021"):
        assert fact in output


def test_info_tells_the_resize_policy_and_the_pooled_stages(tiny_efficientnet: RaliModel, tmp_path: Path) -> None:
    tiny_efficientnet.save_pretrained(tmp_path)
    _, output = info("--model", str(tmp_path))
    assert "whole picture to about 64² px, sides multiples of 16" in output
    assert "80 wide, from hidden states 1, 2, 4" in output


def test_a_model_that_cannot_be_loaded_is_named_in_one_line(tmp_path: Path) -> None:
    status, output = info("--model", str(tmp_path / "nowhere"))
    assert status == 2
    assert output == f"Error: {tmp_path / 'nowhere'}: no such folder.\n"

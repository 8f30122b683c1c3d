"""What the project shows of its results is what the committed metrics give."""

import json
from pathlib import Path

from modeling_rali import DEFAULT_CHECKPOINT, RaliModel
from modeling_rali.evaluation import results_tables, with_results
from modeling_rali.evaluation.ablation import ablation_table
from modeling_rali.evaluation.learning import learning_table
from modeling_rali.hub import TRAINING_FILE, metrics_of_one_model, model_card
from modeling_rali.metrics_file import read_metrics

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


def test_table_of_the_readme_is_what_the_metrics_give() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tables = results_tables([read_metrics(RESULTS / name) for name in ("rali-nano.json", "baselines.json")])
    assert with_results(readme, tables) == readme
    assert len(readme.splitlines()) < 200


def test_table_of_the_ablation_is_what_its_figures_give() -> None:
    figures = json.loads((RESULTS / "ablation.json").read_text(encoding="utf-8"))["figures"]
    assert ablation_table(figures) in (ROOT / "docs" / "ablation.md").read_text(encoding="utf-8")


def test_table_of_what_was_learned_is_what_its_figures_give() -> None:
    folder = ROOT / "docs" / "learning"
    figures = json.loads((folder / "learning.json").read_text(encoding="utf-8"))["results"]
    assert (folder / "learning.md").read_text(encoding="utf-8") == learning_table(figures) + "\n"


def test_card_of_the_checkpoint_is_what_its_facts_give() -> None:
    folder = Path(DEFAULT_CHECKPOINT)
    training = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    metrics = metrics_of_one_model(RESULTS / "rali-nano.json")
    card = model_card(RaliModel.from_pretrained(folder), "rali-nano", training=training, metrics=metrics)
    assert str(card) == (folder / "README.md").read_text(encoding="utf-8")


def test_shipped_checkpoint_is_small_and_says_where_it_is_from() -> None:
    folder = Path(DEFAULT_CHECKPOINT)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 25 * 2**20
    assert {file.suffix for file in folder.iterdir()} == {".json", ".safetensors", ".md"}

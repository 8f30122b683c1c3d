import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from modeling_rali.evaluation import Evaluation, open_scorer, read_set
from modeling_rali.evaluation.tables import BEGIN, END
from rali_cli import app
from tests.evaluation.blurred_set import write_blurred_set

Rali = Callable[..., Result]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `rali evaluate` writes about a baseline."""
    folder = tmp_path_factory.mktemp("evaluated")
    data = write_blurred_set(folder / "blurred", Image.effect_noise((60, 40), 50).convert("RGB"))
    Evaluation([read_set("folder", data)], [open_scorer("laplacian")], folder / "metrics.json").run()
    return (folder / "metrics.json").read_text()


@pytest.fixture
def rali(evaluated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rali:
    """`rali` in a folder with metrics.json and a README.md without its tables yet."""
    monkeypatch.chdir(tmp_path)
    Path("metrics.json").write_text(evaluated)
    Path("README.md").write_text(f"# Title\n\n{BEGIN}\n{END}\n\nThe end.\n")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_the_tables_of_what_evaluate_wrote_go_to_the_terminal(rali: Rali) -> None:
    done = rali("table", "metrics.json")
    srcc = json.loads(Path("metrics.json").read_text())["results"][0]["srcc"]
    assert done.exit_code == 0 and f"| folder | 12 | laplacian | – | {srcc:.3f} (" in done.stdout


def test_the_tables_go_between_the_markers_and_then_pass_the_check(rali: Rali) -> None:
    assert rali("table", "metrics.json", "--output", "README.md").exit_code == 0
    text = Path("README.md").read_text()
    assert text.startswith(f"# Title\n\n{BEGIN}\n") and text.endswith(f"\n{END}\n\nThe end.\n")
    assert rali("table", "metrics.json").stdout.strip() in text
    checked = rali("table", "metrics.json", "--output", "README.md", "--check")
    assert (checked.exit_code, checked.stdout) == (0, "")


def test_the_check_of_a_figure_typed_by_hand_shows_it_and_changes_nothing(rali: Rali) -> None:
    rali("table", "metrics.json", "--output", "README.md")
    flattered = Path("README.md").read_text().replace("| folder | 12 |", "| folder | 12,000 |")
    Path("README.md").write_text(flattered)
    checked = rali("table", "metrics.json", "--output", "README.md", "--check")
    assert checked.exit_code == 1
    assert "\n-| folder | 12,000 |" in checked.stdout and "\n+| folder | 12 |" in checked.stdout
    assert Path("README.md").read_text() == flattered


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["metrics.json", "--check"], "--check needs the --output"),
        (["README.md"], "README.md: is not JSON"),
        (["metrics.json", "metrics.json"], "two results of laplacian on folder all"),
        (["metrics.json", "--output", "plain.md"], "plain.md: the lines <!-- results:begin -->"),
        (["gone.json"], "gone.json"),
    ],
)
def test_wrong_usage_has_status_2_and_names_the_file(rali: Rali, arguments: list[str], error: str) -> None:
    Path("plain.md").write_text("# Title\n")
    done = rali("table", *arguments)
    assert done.exit_code == 2 and error in done.stderr and done.stdout == ""
    assert Path("plain.md").read_text() == "# Title\n"

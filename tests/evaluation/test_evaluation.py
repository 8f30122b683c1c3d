import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from pyarrow import parquet

from modeling_rali import RaliModel, hub
from modeling_rali.evaluation.evaluation import Evaluation
from modeling_rali.evaluation.figures import figures
from modeling_rali.evaluation.scorers import Scorer, open_scorer
from modeling_rali.evaluation.sets import EvaluationSet, read_set
from modeling_rali.inference import Result
from modeling_rali.metrics_file import predictions_folder, read_metrics

from .conftest import MakeSet

LAPLACIAN = open_scorer("laplacian")


@pytest.fixture
def blurred(make_set: MakeSet) -> EvaluationSet:
    return read_set("folder", make_set())


@pytest.fixture
def model(tiny_checkpoint: Path) -> Scorer:
    return open_scorer(str(tiny_checkpoint), device="cpu")


def test_the_metrics_are_the_figures_of_the_kept_predictions(
    tmp_path: Path, blurred: EvaluationSet, model: Scorer
) -> None:
    output = tmp_path / "metrics.json"
    metrics = Evaluation([blurred], [model, LAPLACIAN], output, seed=5).run()
    assert metrics is not None and metrics == json.loads(output.read_text()) == read_metrics(output)
    kept = [parquet.read_table(path) for path in sorted(predictions_folder(output).iterdir())]
    by_model = {result["model"]: result for result in metrics["results"]}
    laplacian, tiny = (by_model[scorer.name] for scorer in (LAPLACIAN, model))
    for result, table in ((laplacian, kept[0]), (tiny, kept[1])):
        assert figures(table, seed=5).items() <= result.items()
    assert laplacian["srcc"] > 0.9 and laplacian["n"] == 12  # the more blurred the worse
    assert laplacian["fingerprint"] == "laplacian" and tiny["fingerprint"] == model.fingerprint
    assert metrics["seed"] == 5 and set(metrics["versions"]) >= {"modeling-rali", "torch", "transformers", "datasets"}
    assert "comparisons" not in metrics


def test_a_model_card_is_made_from_the_metrics(
    tmp_path: Path, blurred: EvaluationSet, model: Scorer, tiny_clip: RaliModel
) -> None:
    output = tmp_path / "metrics.json"
    metrics = Evaluation([blurred], [model], output).run()
    assert metrics is not None
    card = hub.model_card(tiny_clip, "tiny", metrics=hub.metrics_of_one_model(output))
    assert f"| folder | all | 12 | 0 | {metrics['results'][0]['srcc']:.3f} (" in card.content


def test_without_an_output_the_metrics_are_the_same_and_nothing_is_written(
    tmp_path: Path, blurred: EvaluationSet
) -> None:
    there = sorted(tmp_path.rglob("*"))
    metrics = Evaluation([blurred], [LAPLACIAN]).run()
    assert sorted(tmp_path.rglob("*")) == there
    assert metrics == Evaluation([blurred], [LAPLACIAN], tmp_path / "metrics.json").run()


def test_pictures_that_cannot_be_read_or_are_missing_count_as_failed(tmp_path: Path, make_set: MakeSet) -> None:
    folder = make_set()
    (folder / "03.png").write_bytes(b"")
    (folder / "05.png").unlink()
    one = read_set("folder", folder, allow_missing=True)
    metrics = Evaluation([one], [LAPLACIAN], tmp_path / "metrics.json").run()
    assert metrics is not None
    (result,) = metrics["results"]
    assert (result["n"], result["n_failed"]) == (10, 2)
    assert result["notes"] == ["without 2 that failed: 03.png: the file is empty; 05.png: the picture is missing"]


def test_resuming_scores_only_what_is_lacking_or_failed(tmp_path: Path, make_set: MakeSet, photo: Image.Image) -> None:
    folder, output = make_set(), tmp_path / "metrics.json"
    whole = Evaluation([read_set("folder", folder)], [LAPLACIAN]).run()
    (folder / "03.png").write_bytes(b"")
    Evaluation([read_set("folder", folder)], [LAPLACIAN], output).run()
    photo.filter(ImageFilter.GaussianBlur(3 / 8)).save(folder / "03.png")

    asked: list[str] = []

    def watched(rows: Iterable[tuple[str, str]]) -> Iterable[Result]:
        rows = list(rows)
        asked.extend(name for name, _ in rows)
        return LAPLACIAN.score(rows)

    scorer = Scorer("laplacian", "laplacian", None, watched)  # type: ignore[arg-type]
    for _ in range(2):
        assert Evaluation([read_set("folder", folder)], [scorer], output, resume=True).run() == whole
    assert asked == ["03.png"]


def test_an_existing_output_or_its_predictions_are_not_overwritten(tmp_path: Path, blurred: EvaluationSet) -> None:
    output = tmp_path / "metrics.json"
    Evaluation([blurred], [LAPLACIAN], output).run()
    written = output.read_bytes()
    with pytest.raises(FileExistsError, match=r"metrics\.json exists: go on with it with --resume, or delete it"):
        Evaluation([blurred], [LAPLACIAN], output)
    assert output.read_bytes() == written
    output.unlink()
    with pytest.raises(FileExistsError, match=r"metrics\.predictions exists"):
        Evaluation([blurred], [LAPLACIAN], output)


def test_resuming_never_drops_a_result(tmp_path: Path, blurred: EvaluationSet, model: Scorer) -> None:
    output = tmp_path / "metrics.json"
    Evaluation([blurred], [LAPLACIAN], output).run()
    with pytest.raises(ValueError, match="also holds folder all laplacian: name them too"):
        Evaluation([blurred], [model], output, resume=True)
    metrics = Evaluation([blurred], [LAPLACIAN, model], output, resume=True).run()
    assert metrics is not None and len(metrics["results"]) == 2


def test_resuming_with_a_retrained_model_is_refused(tmp_path: Path, blurred: EvaluationSet) -> None:
    output = tmp_path / "metrics.json"
    Evaluation([blurred], [LAPLACIAN], output).run()
    retrained = Scorer("laplacian", "0123456789abcdef", None, LAPLACIAN.score)
    with pytest.raises(ValueError, match="holds scores of other weights"):
        Evaluation([blurred], [retrained], output, resume=True)


def test_labels_that_were_corrected_count_when_resuming(tmp_path: Path, make_set: MakeSet) -> None:
    folder, output = make_set(), tmp_path / "metrics.json"
    Evaluation([read_set("folder", folder)], [LAPLACIAN], output).run()
    labels = folder / "scores.csv"
    labels.write_text(labels.read_text().replace("00.png,5", "00.png,1"))
    metrics = Evaluation([read_set("folder", folder)], [LAPLACIAN], output, resume=True).run()
    assert metrics == Evaluation([read_set("folder", folder)], [LAPLACIAN]).run()
    assert metrics is not None and metrics["results"][0]["srcc"] < 1


def test_a_model_that_learnt_from_what_it_is_evaluated_on_is_noted(blurred: EvaluationSet) -> None:
    scorers = [
        Scorer(name, name, trained_on, LAPLACIAN.score) for name, trained_on in (("a", "folder"), ("b", "koniq10k"))
    ]
    metrics = Evaluation([blurred], scorers).run()
    assert metrics is not None
    learnt, other = (result["notes"] for result in metrics["results"])
    assert learnt == ["the model learnt from pictures of this split: its figures flatter"] and other == []


def test_a_comparison_is_of_two_models_on_each_set(blurred: EvaluationSet, model: Scorer) -> None:
    metrics = Evaluation([blurred], [LAPLACIAN, model], compare=True).run()
    assert metrics is not None
    (compared,), (laplacian, tiny) = metrics["comparisons"], metrics["results"]
    assert (compared["first"], compared["second"], compared["n"]) == ("laplacian", model.name, 12)
    assert compared["difference"] == pytest.approx(laplacian["srcc"] - tiny["srcc"], abs=2e-6)
    with pytest.raises(ValueError, match="a comparison is of two models; there are 1"):
        Evaluation([blurred], [LAPLACIAN], compare=True)


def test_the_same_set_or_model_twice_is_refused(blurred: EvaluationSet) -> None:
    for sets, scorers, named in (
        ([blurred, blurred], [LAPLACIAN], "folder: the same set twice"),
        ([blurred], [LAPLACIAN, LAPLACIAN], "laplacian: the same model twice"),
    ):
        with pytest.raises(ValueError, match=named):
            Evaluation(sets, scorers)


def test_names_that_would_share_a_file_are_refused(tmp_path: Path, blurred: EvaluationSet) -> None:
    scorers = [Scorer(name, name, None, LAPLACIAN.score) for name in ("me/model", "me-model")]
    with pytest.raises(ValueError, match="names so alike"):
        Evaluation([blurred], scorers, tmp_path / "metrics.json")


@pytest.mark.parametrize(
    ("name", "error"), [("metrics.csv", r"named \*\.json"), ("gone/metrics.json", "make it first")]
)
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, blurred: EvaluationSet, name: str, error: str) -> None:
    with pytest.raises((ValueError, OSError), match=error):
        Evaluation([blurred], [LAPLACIAN], tmp_path / name)


def test_a_file_that_is_not_metrics_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    for content, error in (
        ("[]", 'no "results"'),
        ("{", "not JSON"),
        ('{"results": [{"n": 1}]}', "result 0 lacks dataset"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: .*{error}"):
            read_metrics(path)

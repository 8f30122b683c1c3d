from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from modeling_rali.evaluation.predictions import PredictionsFile, predictions_table
from modeling_rali.evaluation.scorers import Scorer, open_scorer
from modeling_rali.evaluation.sets import EvaluationSet, read_set
from modeling_rali.inference import Result
from tests.iqa_datasets.layouts import LAYOUTS

from .conftest import MakeSet

LAPLACIAN = open_scorer("laplacian")


def results_on(one: EvaluationSet) -> dict[str, Result]:
    return {record.image: Result(record.image, float(index)) for index, (record, _, _) in enumerate(one.pictures)}


@pytest.fixture
def blurred(make_set: MakeSet) -> EvaluationSet:
    return read_set("folder", make_set(count=4))


def test_a_row_has_id_labels_groups_score_and_error(tmp_path: Path) -> None:
    LAYOUTS["kadid10k"](tmp_path)
    (tmp_path / "images" / "I05_25_05.png").unlink()
    one = read_set("kadid10k", tmp_path, allow_missing=True)
    results = results_on(one)
    results["I01_25_05.png"] = Result("I01_25_05.png", error="the file is empty.")
    first, second, *_, last = predictions_table(one, results).to_pylist()
    assert first == {
        "image_id": "I01_01_01.png",
        "mos": 4.49,
        "quality": pytest.approx(3.49 / 4),
        "group": "I01",
        "distortion": "Gaussian blur",
        "reference": "I01",
        "score": 0.0,
        "error": None,
    }
    assert (second["score"], second["error"]) == (None, "the file is empty.")
    assert (last["image_id"], last["score"], last["error"]) == ("I05_25_05.png", None, "the picture is missing.")
    assert last["mos"] == pytest.approx(2.45)


def test_what_was_written_is_taken_up_again_but_for_what_failed(tmp_path: Path, blurred: EvaluationSet) -> None:
    file = PredictionsFile(tmp_path, blurred, LAPLACIAN)
    assert file.earlier() == {}
    file.write(predictions_table(blurred, results_on(blurred) | {"02.png": Result("02.png", error="gone")}))
    assert file.path == tmp_path / "folder-all-laplacian.parquet"
    assert {name: result.score for name, result in file.earlier().items()} == {"00.png": 0, "01.png": 1, "03.png": 3}


def test_journals_of_any_number_of_processes_are_taken_up_and_go_with_the_whole_file(
    tmp_path: Path, blurred: EvaluationSet
) -> None:
    file = PredictionsFile(tmp_path, blurred, LAPLACIAN)
    for process, name in enumerate(("00.png", "01.png", "03.png")):
        with file.journal(process) as journal:
            journal.write(Result(name, float(process)))
            journal.write(Result("02.png", error="the file is empty."))
    assert {name: result.score for name, result in file.earlier().items()} == {"00.png": 0, "01.png": 1, "03.png": 2}
    file.write(predictions_table(blurred, results_on(blurred)))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.path.name]


def test_a_line_that_was_not_finished_is_no_score(tmp_path: Path, blurred: EvaluationSet) -> None:
    file = PredictionsFile(tmp_path, blurred, LAPLACIAN)
    with file.journal(0) as journal:
        journal.write(Result("00.png", 1.5))
    with journal.path.open("ab") as torn:
        torn.write(b'{"path": "01.png", "score": 2')
    assert list(file.earlier()) == ["00.png"]


@pytest.mark.parametrize("written", [True, False], ids=["whole", "journal"])
def test_scores_of_other_weights_or_another_folder_are_refused(
    tmp_path: Path, make_set: MakeSet, blurred: EvaluationSet, written: bool
) -> None:
    file = PredictionsFile(tmp_path, blurred, LAPLACIAN)
    if written:
        file.write(predictions_table(blurred, results_on(blurred)))
    else:
        with file.journal(0) as journal:
            journal.write(Result("00.png", 1.0))
    retrained = Scorer("laplacian", "0123456789abcdef", None, LAPLACIAN.score)
    for other in (
        PredictionsFile(tmp_path, blurred, retrained),
        PredictionsFile(tmp_path, read_set("folder", make_set("copies", 4)), LAPLACIAN),
    ):
        with pytest.raises(ValueError, match="holds scores of other weights, another folder"):
            other.earlier()


def test_the_journals_of_a_model_whose_name_begins_alike_are_not_taken_up(
    tmp_path: Path, blurred: EvaluationSet
) -> None:
    short, long = (
        PredictionsFile(tmp_path, blurred, Scorer(name, "0123456789abcdef", None, LAPLACIAN.score))
        for name in ("v1", "v1.0123456789abcdef")
    )
    with long.journal(0) as journal:
        journal.write(Result("00.png", 1.0))
    assert short.earlier() == {}


def test_a_damaged_file_is_named(tmp_path: Path, blurred: EvaluationSet) -> None:
    file = PredictionsFile(tmp_path, blurred, LAPLACIAN)
    file.path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(ValueError, match=r"folder-all-laplacian\.parquet: is not a Parquet file, or damaged"):
        file.earlier()
    parquet.write_table(pa.table({"image_id": ["00.png"], "score": [1.0]}), file.path)
    with pytest.raises(ValueError, match="holds scores of other weights"):
        file.earlier()

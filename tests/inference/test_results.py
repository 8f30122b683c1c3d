import csv
import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from modeling_rali.inference import Result, ResultsFile, read_results, written_name

FORMATS = ("csv", "jsonl", "parquet")
NAMES = [
    "plain.jpg",
    'comma, "quote".jpg',
    "line\nbreak.jpg",
    "carriage\r\nreturn.jpg",
    '"\n"',
    "Ümlaut 写真.jpg",
    os.fsdecode(b"caf\xe9.jpg"),
]
RESULTS = [Result(name, 1 + index / 3, "poor") for index, name in enumerate(NAMES)]
FAILED = Result("broken.jpg", error='cannot be decoded: "x", or\nso.')


def written(result: Result) -> Result:
    """A result as it comes back from a file."""
    score = None if result.score is None else round(result.score, 6)
    return Result(written_name(result.path), score, result.label, result.error)


def write(path: Path, results: list[Result], resume: bool = False) -> None:
    with ResultsFile(path, resume) as file:
        for result in results:
            file.write(result)


@pytest.mark.parametrize("suffix", FORMATS)
def test_odd_names_and_errors_come_back_as_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    write(path, [*RESULTS, FAILED])
    assert list(read_results(path)) == [written(result) for result in (*RESULTS, FAILED)]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_csv_is_what_other_programs_read(tmp_path: Path) -> None:
    write(tmp_path / "scores.csv", [*RESULTS, FAILED])
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header == ["path", "score", "label", "error"]
    assert [row[0] for row in rows] == [written_name(name) for name in (*NAMES, FAILED.path)]
    assert rows[0] == ["plain.jpg", "1.0", "poor", ""]
    assert rows[-1] == ["broken.jpg", "", "", FAILED.error]
    content = (tmp_path / "scores.csv").read_bytes()
    assert content.startswith(b"path,score,label,error\r\nplain.jpg,1.0,poor,\r\n")


def test_jsonl_is_one_object_a_line(tmp_path: Path) -> None:
    write(tmp_path / "scores.jsonl", [*RESULTS, FAILED])
    first, *_, last = (tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first) == {"path": "plain.jpg", "score": 1.0, "label": "poor", "error": None}
    assert json.loads(last) == {"path": "broken.jpg", "score": None, "label": None, "error": FAILED.error}


def test_parquet_has_typed_columns_even_when_all_failed(tmp_path: Path) -> None:
    write(tmp_path / "scores.parquet", [FAILED])
    schema = parquet.read_schema(tmp_path / "scores.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("path", "string"),
        ("score", "double"),
        ("label", "string"),
        ("error", "string"),
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_row_is_on_disk_when_write_returns(tmp_path: Path, suffix: str) -> None:
    with ResultsFile(tmp_path / f"scores.{suffix}") as file:
        for count, result in enumerate(RESULTS, start=1):
            file.write(result)
            assert len(list(read_results(file.journal))) == count


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.binary().map(lambda name: os.fsdecode(name.replace(b"\0", b""))), min_size=1, max_size=4),
    torn=st.floats(0, 1),
)
def test_wherever_a_kill_tears_the_file_whole_rows_are_read_and_torn_ones_are_not(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, names: list[str], torn: float
) -> None:
    path = tmp_path_factory.mktemp("torn") / f"scores.{suffix}"
    results = [Result(f"{index}{name}", float(index), "poor") for index, name in enumerate(names)]
    ends = []
    with ResultsFile(path) as file:
        for result in results:
            file.write(result)
            ends.append(path.stat().st_size)
    size = round(torn * ends[-1])
    os.truncate(path, size)
    whole = sum(end <= size for end in ends)
    assert list(read_results(path)) == [written(result) for result in results[:whole]]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_resuming_a_torn_file_gives_each_picture_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    write(path, RESULTS)
    path.write_bytes(path.read_bytes()[:-3])
    with ResultsFile(path, resume=True) as file:
        missing = [result for result in RESULTS if result.path not in file]
        assert missing == RESULTS[-1:]
        for result in missing:
            file.write(result)
    assert list(read_results(path)) == [written(result) for result in RESULTS]


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_interrupted_file_goes_on_where_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    with pytest.raises(KeyboardInterrupt), ResultsFile(path) as file:
        file.write(RESULTS[0])
        file.write(FAILED)
        raise KeyboardInterrupt
    assert path.exists() == (suffix != "parquet")
    write(path, [Result(FAILED.path, 2.0, "poor"), *RESULTS[1:]], resume=True)
    assert list(read_results(path)) == [
        written(result) for result in (RESULTS[0], Result(FAILED.path, 2.0, "poor"), *RESULTS[1:])
    ]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_resuming_a_finished_file_drops_its_errors_and_keeps_its_scores(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    write(path, [FAILED, *RESULTS])
    with ResultsFile(path, resume=True) as file:
        assert FAILED.path not in file
        assert all(name in file for name in NAMES)
        assert "./plain.jpg" in file
        file.write(FAILED)
    assert list(read_results(path)) == [written(result) for result in (*RESULTS, FAILED)]


def test_results_are_whole_if_parquet_was_written_but_the_kill_came_before_its_journal_was_removed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scores.parquet"
    write(path, RESULTS)
    journal = ResultsFile(path, resume=True).journal
    write(tmp_path / "same.jsonl", RESULTS)
    (tmp_path / "same.jsonl").rename(journal)
    write(path, [FAILED], resume=True)
    assert list(read_results(path)) == [written(result) for result in (*RESULTS, FAILED)]
    assert not journal.exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_results_are_never_overwritten(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    write(path, RESULTS)
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match=f"scores.{suffix} exists: go on with it with --resume, or delete it"):
        ResultsFile(path)
    assert path.read_bytes() == content


def test_the_journal_of_an_unfinished_parquet_file_is_never_overwritten(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ResultsFile(tmp_path / "scores.parquet"):
        raise KeyboardInterrupt
    with pytest.raises(FileExistsError, match=r"scores.parquet.unfinished.jsonl exists"):
        ResultsFile(tmp_path / "scores.parquet")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", b"image,mos\r\n1.jpg,3.2\r\n"),
        ("ragged.csv", b"path,score,label,error\r\n1.jpg,3.2\r\n"),
        ("words.csv", b"path,score,label,error\r\n1.jpg,high,good,\r\n"),
        ("latin.csv", b"path,score,label,error\r\ncaf\xe9.jpg,3.2,good,\r\n"),
        ("other.jsonl", b'{"path": "1.jpg"}\n'),
        ("list.jsonl", b"[1]\n"),
        ("text.jsonl", b"hello\n"),
        ("text.parquet", b"hello\n"),
    ],
)
def test_what_is_not_results_is_refused_and_left_as_it_is(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: not results with the columns path, score, label, error"):
        ResultsFile(tmp_path / name, resume=True)
    assert (tmp_path / name).read_bytes() == content


def test_a_suffix_that_names_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"scores.xlsx: results go to a file named \*.csv, \*.jsonl, \*.parquet"):
        ResultsFile(tmp_path / "scores.xlsx")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        ResultsFile(tmp_path / "nowhere" / "scores.csv")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_leaves_whole_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores.{suffix}"
    results = [Result(f"{index:03}.jpg", float(index), "poor") for index in range(100)]
    count = 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"), ResultsFile(path) as file:
            for result in results:
                file.write(result)
                count += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 0 < count < 100
    assert list(read_results(file.journal)) == results[:count]
    assert file.journal.read_bytes().endswith(b"\n")
    write(path, results[count:], resume=True)
    assert list(read_results(path)) == results


def test_a_disk_that_is_full_while_a_resumed_file_is_rewritten_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    write(path, RESULTS * 20)
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            ResultsFile(path, resume=True).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == [path.name]

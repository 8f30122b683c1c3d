"""Label files: found whatever their letter case, and read with the line of whatever is wrong."""

from pathlib import Path

import pytest

from modeling_rali.iqa_datasets import IQADatasetError
from modeling_rali.iqa_datasets.label_files import find, number, read_csv, read_xlsx

from .layouts import write_csv, write_xlsx


def test_a_name_is_found_in_any_letter_case_and_exactly_if_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    (tmp_path / "Data" / "DMOS.csv").touch()
    assert find(tmp_path, "data/dmos.csv") == tmp_path / "Data" / "DMOS.csv"
    assert find(tmp_path, "data/mos.csv") is None
    assert find(tmp_path, "Data/DMOS.csv/more") is None


def test_blank_lines_and_unnamed_columns_are_dropped_and_cells_stripped(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "a.csv", [[" name ", "mos", "", ""], ["x.png ", " 3 ", "", ""], ["", "", "", ""], ["y.png", "4"]]
    )
    rows = list(read_csv(tmp_path / "a.csv", "name", "mos"))
    assert [row for _, row in rows] == [{"name": "x.png", "mos": "3"}, {"name": "y.png", "mos": "4"}]
    assert rows[1][0].endswith("a.csv, line 4")


def test_a_worksheet_s_header_may_stand_anywhere(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", {"s": [["a title"], [], [None, "name", "mos"], [None, "x", 3.5], [None, 12, None]]})
    rows = read_xlsx(tmp_path / "a.xlsx", "name", "mos")
    assert next(rows) == (f"{tmp_path / 'a.xlsx'}, line 4", {"name": "x", "mos": "3.5"})
    with pytest.raises(IQADatasetError, match=r"line 5: no value in column mos"):
        next(rows)


def test_a_worksheet_or_column_that_is_not_there_is_an_error_that_lists_those_there_are(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", {"first": [["name"]], "second": []})
    with pytest.raises(IQADatasetError, match="no sheet 'third', only first, second"):
        list(read_xlsx(tmp_path / "a.xlsx", "name", sheet="third"))
    with pytest.raises(IQADatasetError, match="no line with the column names name, mos"):
        list(read_xlsx(tmp_path / "a.xlsx", "name", "mos"))


def test_a_file_that_is_no_workbook_or_no_utf_8_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("<html>log in first</html>")
    with pytest.raises(IQADatasetError, match=r"a\.xlsx is not an \.xlsx workbook"):
        list(read_xlsx(tmp_path / "a.xlsx", "name"))
    (tmp_path / "a.csv").write_bytes("größe\n1\n".encode("latin-1"))
    with pytest.raises(IQADatasetError, match=r"a\.csv is not UTF-8"):
        list(read_csv(tmp_path / "a.csv", "name"))


def test_a_number_is_read_as_it_is_and_a_word_is_an_error() -> None:
    assert number("0.1", "here") == 0.1
    with pytest.raises(IQADatasetError, match="here: '3,5' is not a number"):
        number("3,5", "here")

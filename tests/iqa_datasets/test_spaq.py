"""SPAQ: its workbook."""

from collections.abc import Callable
from pathlib import Path

from modeling_rali.iqa_datasets.spaq import SPAQ


def test_the_overall_score_is_read_and_no_attribute(make_set: Callable[[str], Path]) -> None:
    records = SPAQ.records(make_set("spaq"))
    assert (records[0].image, records[0].mos) == ("00001.jpg", 6.25)
    assert [SPAQ.quality(record) for record in records[-1:]] == [0.75]

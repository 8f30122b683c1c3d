import base64
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from modeling_rali.inference import MAX_PIXELS, MOST_SHOWN, Result, render_report
from modeling_rali.scoring import quality_label

RANGE = (1.0, 5.0)
FACTS = {"model": "<rali & friends>"}


def results_of(scores: list[float], path: Path) -> list[Result]:
    return [Result(f"{path}/{score}.png", score, quality_label(score, RANGE)) for score in scores]


class Page(HTMLParser):
    """What a reader of the page sees: its pictures, its tags with their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page(photo: Image.Image, tmp_path: Path) -> Page:
    scores = [2.5, 4.9, 1.0, 5.3, 3.0, 3.1]
    for score in scores:
        photo.save(tmp_path / f"{score}.png")
    failed = Result("<b>broken</b>.jpg", error="is & was nothing")
    return Page(render_report([*results_of(scores, tmp_path), failed], RANGE, FACTS, MAX_PIXELS))


def test_pictures_come_in_order_of_score_under_their_grades(page: Page) -> None:
    assert [image["alt"] for image in page.all("img")] == [f"{score}.png" for score in (5.3, 4.9, 3.1, 3.0, 2.5, 1.0)]
    assert [section["id"] for section in page.all("section")] == ["excellent", "fair", "poor", "bad"]


def test_pictures_are_embedded_as_small_jpegs(page: Page) -> None:
    for image in page.all("img"):
        kind, _, content = str(image["src"]).partition(",")
        assert kind == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (90, 60)


def test_a_large_picture_is_made_small(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000), "red").save(tmp_path / "3.0.png")
    page = Page(render_report(results_of([3.0], tmp_path), RANGE, FACTS, MAX_PIXELS))
    content = str(page.all("img")[0]["src"]).partition(",")[2]
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (288, 144)


def test_the_page_asks_nothing_of_the_network(page: Page) -> None:
    addresses = [str(attributes[name]) for _, attributes in page.tags for name in ("src", "href") if name in attributes]
    assert addresses and all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert not page.all("script") and not page.all("link")


def test_links_lead_to_parts_of_the_page(page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {str(link["href"]).removeprefix("#") for link in page.all("a") if "href" in link} <= ids


def test_the_histogram_counts_every_scored_picture_once(page: Page) -> None:
    bars = [str(bar["title"]) for bar in page.all("i") if "title" in bar]
    assert len(bars) == 40
    counts = {float(bar.split()[0]): int(bar.split()[-1]) for bar in bars}
    assert {low: count for low, count in counts.items() if count} == {1.0: 1, 2.5: 1, 3.0: 1, 3.1: 1, 4.9: 2}


def test_names_errors_and_facts_are_text_and_not_markup(page: Page) -> None:
    assert "<b>broken</b>.jpg" in page.text
    assert "is & was nothing" in page.text
    assert "<rali & friends>" in page.text


def test_of_many_pictures_the_best_the_worst_and_an_even_choice_between_are_shown(tmp_path: Path) -> None:
    scores = [1 + 4 * index / 1999 for index in range(2000)]
    html = render_report(results_of(scores, tmp_path), RANGE, FACTS, MAX_PIXELS)
    ranks = [int(rank.replace(",", "")) for rank in re.findall(r'class="rank">#([\d,]+)<', html)]
    assert len(ranks) == MOST_SHOWN
    assert (ranks[0], ranks[-1]) == (1, 2000)
    assert {later - earlier for earlier, later in pairwise(ranks)} == {4, 5}
    assert "Shown are 500 of the 2,000 pictures" in html


def test_a_picture_that_is_gone_since_keeps_its_place(tmp_path: Path) -> None:
    page = Page(render_report(results_of([3.0], tmp_path), RANGE, FACTS, MAX_PIXELS))
    assert not page.all("img")
    assert "no longer readable" in page.text and "3.0.png" in page.text


def test_a_run_without_scores_has_a_page_too() -> None:
    page = Page(render_report([Result("broken.jpg", error="no such file.")], RANGE, FACTS, MAX_PIXELS))
    assert "no such file." in page.text
    assert not page.all("section")

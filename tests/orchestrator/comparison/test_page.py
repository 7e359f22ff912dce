"""The page is HTML that needs nothing else."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from orchestrator.comparison.curves import panels
from orchestrator.comparison.figures import style
from orchestrator.comparison.page import page
from orchestrator.comparison.planes import by_metric
from orchestrator.comparison.report import Comparison, comparison

_VOID = {"meta", "link", "br", "img", "hr"}


class Reader(HTMLParser):
    """Checks that every element is closed in order, and collects what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._collect(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._collect(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def _collect(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data")]


@pytest.fixture(scope="module")
def found(store) -> Comparison:
    return comparison("complete", store.uri)


@pytest.fixture(scope="module")
def written(found: Comparison, store) -> str:
    return page(found, {"digits": panels(found.study, found.parts[0].standing, store.uri)})


@pytest.fixture(scope="module")
def read(written: str) -> Reader:
    reader = Reader()
    reader.feed(written)
    reader.close()
    return reader


def test_every_element_is_closed(read: Reader) -> None:
    assert read.open == []
    assert {"html", "head", "body", "table", "svg"} <= set(read.seen)


def test_nothing_is_fetched_and_nothing_runs(written: str, read: Reader) -> None:
    assert read.fetched
    assert all(address.startswith("#") for address in read.fetched)
    assert not re.search(r"url\((?!#)|@import", written)
    assert not {"script", "link", "img", "iframe"} & set(read.seen)


def test_every_reference_inside_the_page_has_its_target_and_no_id_is_used_twice(written: str, read: Reader) -> None:
    wanted = {address[1:] for address in read.fetched} | set(re.findall(r"url\(#([^)]+)\)", written))

    assert wanted <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))


def test_the_page_shows_scores_marks_curves_and_scatter(written: str, read: Reader) -> None:
    assert "<strong>-15.00 ± 0.10</strong>" in written
    for words in ("valid/elbo (nats)", "test/bce (nats)", "test/rate (nats)", "beta=4.0", "17, 9 of them replicates"):
        assert words in read.text


def test_text_of_the_study_is_escaped(written: str) -> None:
    assert "A &lt;small&gt; study." in written


def test_notes_are_on_the_page(found: Comparison) -> None:
    assert "<li>beware &lt;</li>" in page(dataclasses.replace(found, notes=("beware <",)), {})


def test_the_scatter_has_search_trials_alone(found: Comparison) -> None:
    points = by_metric(found.study, "test/rate", "test/bce")

    assert points["beta_vae"] == [(5.0, 12.0), (6.0, 13.0)]


def test_thirty_methods_have_thirty_styles() -> None:
    assert len({str((style(place)["color"], style(place)["linestyle"])) for place in range(30)}) == 30

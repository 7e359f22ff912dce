"""A table in four languages."""

from __future__ import annotations

import re

import pytest

from orchestrator.comparison.tables import MISSING, Cell, Column, Table, html, latex, markdown, text


@pytest.fixture
def table() -> Table:
    columns = (Column("method", align="left"), Column("bce ↓", "in <nats>"), Column("knn_purity ↑"))
    rows = (
        (Cell("beta_vae"), Cell("-1.5 ± 0.2", True), Cell("95.0 ± 0.1")),
        (Cell("a&b"), Cell(MISSING), Cell("90.0 ± 0.1")),
    )
    return Table("Scores", columns, rows, "100% of $x_1$ {here} <b> ~ ^ \\ #")


def test_text_shows_every_cell_and_an_asterisk_at_a_mark(table: Table) -> None:
    written = text(table, 80)

    assert re.search(r"beta_vae +-1\.5 ± 0\.2\* +95\.0 ± 0\.1\n", written)
    assert re.search(rf"a&b +{MISSING} +90\.0 ± 0\.1\n", written)


def test_columns_that_do_not_fit_go_into_blocks_that_repeat_the_first(table: Table) -> None:
    written = text(table, 30)

    assert written.count("beta_vae") == 2
    assert max(map(len, written.splitlines())) <= 30


def test_text_and_markdown_keep_brackets_as_they_are() -> None:
    written = text(Table("t", (Column("sizes", align="left"),), ((Cell("[bold]x[/bold]"),),), ""), 80)

    assert "[bold]x[/bold]" in written


def test_markdown_has_as_many_bars_in_every_line(table: Table) -> None:
    lines = [line for line in markdown(table).splitlines() if line.startswith("|")]

    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {4}
    assert "**-1.5 ± 0.2**" in lines[2]


def test_markdown_escapes_a_bar() -> None:
    assert r"a\|b" in markdown(Table("t", (Column("x"),), ((Cell("a|b"),),), ""))


def test_latex_escapes_every_special_character(table: Table) -> None:
    written = latex(table, "my study")

    assert r"100\% of \$x\_1\$ \{here\} $<$b$>$ \textasciitilde{} \textasciicircum{} \textbackslash{} \#" in written
    assert r"a\&b & -- & 90.0 $\pm$ 0.1 \\" in written


def test_latex_makes_a_mark_bold_and_a_sign_a_minus(table: Table) -> None:
    assert r"beta\_vae & \textbf{$-$1.5 $\pm$ 0.2} & 95.0 $\pm$ 0.1 \\" in latex(table, "x")


def test_latex_leaves_the_exponent_of_a_number_alone() -> None:
    assert "1e-05" in latex(Table("t", (Column("x"),), ((Cell("1e-05"),),), ""), "x")


def test_latex_environments_and_rules_are_complete(table: Table) -> None:
    written = latex(table, "my study")

    assert r"\label{tab:my-study}" in written
    for name in ("table", "tabular"):
        assert written.count(rf"\begin{{{name}}}") == written.count(rf"\end{{{name}}}") == 1
    assert [rule in written for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3


def test_html_escapes_text_and_makes_a_mark_strong(table: Table) -> None:
    written = html(table)

    assert "<strong>-1.5 ± 0.2</strong>" in written
    assert "a&amp;b" in written
    assert 'title="in &lt;nats&gt;"' in written
    assert "<b>" not in written

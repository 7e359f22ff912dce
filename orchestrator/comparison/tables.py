"""A table as a value, and the ways to write it: plain text, Markdown, LaTeX, HTML."""

from __future__ import annotations

import html as markup
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

MISSING = "–"  # noqa: RUF001
"""What a cell says that has no value."""

_LEAST_WRAPPED = 22  # characters of a column of long text
_GAP = 3  # characters between two columns


@dataclass(frozen=True)
class Cell:
    """A value as text; `marked` stands out."""

    text: str
    marked: bool = False


@dataclass(frozen=True)
class Column:
    """A heading, an explanation of it, and how the values stand: `left`, `right`, or `wrap` for long text."""

    heading: str
    meaning: str = ""
    align: str = "right"


@dataclass(frozen=True)
class Table:
    """Columns and rows of equal length. The first column names the row. The caption is one paragraph."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str


def text(table: Table, width: int) -> str:
    """Plain text; marked cells end in an asterisk. Columns that do not fit into `width` go into further blocks."""
    blocks = [_block(table, columns, width) for columns in _fitting(table, width)]
    return "\n".join([f"{table.title}\n", *blocks, _wrapped(table.caption, width)])


def markdown(table: Table) -> str:
    """A GitHub-flavored pipe table; marked cells are bold."""
    rules = ["---:" if column.align == "right" else ":---" for column in table.columns]
    lines = [[_markdown(column.heading) for column in table.columns], rules]
    lines += [[_bold(cell, "**{}**", _markdown) for cell in row] for row in table.rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {_markdown(table.title)}\n\n{body}\n\n{_markdown(table.caption)}\n"


def latex(table: Table, label: str) -> str:
    """A floating table for the packages booktabs and, for Greek and arrows, nothing else; marked cells are bold."""
    kinds = {"left": "l", "right": "r", "wrap": r"p{0.45\linewidth}"}
    form = "".join(kinds[column.align] for column in table.columns)
    lines = [[_latex(column.heading) for column in table.columns]]
    lines += [[_bold(cell, r"\textbf{{{}}}", _latex) for cell in row] for row in table.rows]
    heading, *body = (" & ".join(line) + r" \\" for line in lines)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(table.title)}. {_latex(table.caption)}}}",
            rf"\label{{tab:{re.sub(r'[^A-Za-z0-9:-]+', '-', label)}}}",
            rf"\begin{{tabular}}{{{form}}}",
            r"\toprule",
            heading,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def html(table: Table) -> str:
    """A `figure` that holds the table and its caption; marked cells are `strong`."""
    head = "".join(_heading(column) for column in table.columns)
    body = "\n".join(f"<tr>{_html_row(table, row)}</tr>" for row in table.rows)
    return (
        f'<figure class="table"><h2>{markup.escape(table.title)}</h2>\n<div class="scroll"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n"
        f"<figcaption>{markup.escape(table.caption)}</figcaption></figure>"
    )


def _fitting(table: Table, width: int) -> list[list[int]]:
    """Which columns go into which block; every block repeats the first."""
    widths = [_width(table, column) for column in range(len(table.columns))]
    blocks: list[list[int]] = [[0]]
    for column in range(1, len(widths)):
        used = sum(widths[place] for place in blocks[-1])
        if used + widths[column] > width + _GAP and len(blocks[-1]) > 1:
            blocks.append([0])
        blocks[-1].append(column)
    return blocks


def _width(table: Table, column: int) -> int:
    cells = [row[column].text + "*" * row[column].marked for row in table.rows]
    long = _LEAST_WRAPPED if table.columns[column].align == "wrap" else 1000
    widest = min(long, max((cell_len(cell) for cell in cells), default=0))
    return max(widest, cell_len(table.columns[column].heading)) + _GAP


def _block(table: Table, columns: list[int], width: int) -> str:
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place in columns:
        column = table.columns[place]
        right, wrap = column.align == "right", column.align == "wrap"
        drawn.add_column(Text(column.heading), justify="right" if right else "left", no_wrap=not wrap)
    for row in table.rows:
        drawn.add_row(*(Text(_bold(row[place], "{}*", str)) for place in columns))
    return _printed(drawn, width)


def _wrapped(paragraph: str, width: int) -> str:
    return _printed(Text(paragraph), width)


def _printed(what: RichTable | Text, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False).print(what)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _bold(cell: Cell, form: str, escape: Callable[[str], str]) -> str:
    return form.format(escape(cell.text)) if cell.marked else escape(cell.text)


def _heading(column: Column) -> str:
    hint = f' title="{markup.escape(column.meaning)}"' if column.meaning else ""
    return f'<th scope="col" class="{column.align}"{hint}>{markup.escape(column.heading)}</th>'


def _html_row(table: Table, row: tuple[Cell, ...]) -> str:
    first, *others = zip(table.columns, row, strict=True)
    cells = [f'<th scope="row">{markup.escape(first[1].text)}</th>']
    cells += [
        f'<td class="{column.align}">{_bold(cell, "<strong>{}</strong>", markup.escape)}</td>'
        for column, cell in others
    ]
    return "".join(cells)


def _markdown(plain: str) -> str:
    return re.sub(r"([\\|*_`<>\[\]])", r"\\\1", plain).replace("\n", " ")


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",  # noqa: RUF001
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "–": "--",  # noqa: RUF001
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}


def _latex(plain: str) -> str:
    minus = re.sub(r"(?<![\w-])-(?=\d)", "−", plain)  # noqa: RUF001
    return "".join(_LATEX.get(sign, sign) for sign in minus)

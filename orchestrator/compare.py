"""Compare the methods of a study, or of several, from MLflow alone.

python -m orchestrator.compare STUDY --format markdown --metrics bce,elbo,knn_purity
python -m orchestrator.compare STUDY OTHER --against https://mlflow.example
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from methods.core.errors import BadInput
from orchestrator.comparison import tables
from orchestrator.comparison.curves import Panel, panels
from orchestrator.comparison.importance import LEAST
from orchestrator.comparison.page import page
from orchestrator.comparison.report import Comparison, compared, comparison, paper_of
from orchestrator.comparison.tables import Table
from orchestrator.comparison.together import Source, together
from orchestrator.definition.study_files import aliases
from orchestrator.records.connection import reason
from orchestrator.records.location import connect, tracking_uri
from orchestrator.records.runs import read
from pipelines import console

__all__ = ["Comparison", "comparison", "log", "render_text", "report"]

_FORMATS = ("text", "markdown", "latex", "html")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    first, *others = sources = _sources(options)
    if others:
        joined = together(sources)
        _say(joined.notes)
        _put(compared(joined.study, _names(options.metrics)), joined.uris, options)
    else:
        paper = paper_of(first.study, first.uri)
        curves = _put(compared(first.study, _names(options.metrics), paper=paper), first.uri, options)
        _log(compared(first.study, paper=paper), curves, first.uri)  # the page in MLflow has all metrics
    return 0


def _put(found: Comparison, uri: str | Mapping[str, str], options: argparse.Namespace) -> dict[str, dict[str, Panel]]:
    """Write the comparison where it is wanted. Returns its learning curves."""
    _say(found.notes)
    curves = _panels(found, uri)
    written = _rendered(found, options.format, curves, importance=options.importance)
    if options.out:
        _write(Path(options.out), written)
    else:
        sys.stdout.write(written)
    return curves


def _sources(options: argparse.Namespace) -> list[Source]:
    """The studies that are named, each once, on one server or on two."""
    uris = [tracking_uri(options.tracking_uri), *([tracking_uri(options.against)] if options.against else [])]
    names = dict.fromkeys(map(_run_name, options.study))
    return [Source(read(name, uri), uri) for uri in dict.fromkeys(uris) for name in names]


def report(study: str, uri: str) -> None:
    """Print the comparison of a study that has just ended, and log it. Where there is nothing to compare, say so."""
    try:
        found = comparison(study, uri)
        _say(found.notes)
        sys.stdout.write(f"\n{render_text(found)}")
        log(found, uri)
    except BadInput as error:
        _say([str(error)])


def render_text(found: Comparison, width: int | None = None, *, importance: bool = False) -> str:
    """All tables as plain text, `width` characters wide; default: the terminal's."""
    columns = width or shutil.get_terminal_size((120, 40)).columns
    return "\n".join(tables.text(table, columns) for table in _tables(found, importance))


def render_markdown(found: Comparison, *, importance: bool = False) -> str:
    """All tables as Markdown."""
    return "\n".join(map(tables.markdown, _tables(found, importance)))


def render_latex(found: Comparison, *, importance: bool = False) -> str:
    """All tables as LaTeX."""
    written = enumerate(_tables(found, importance), start=1)
    return "\n".join(tables.latex(table, f"{found.study.name}-{place}") for place, table in written)


def _tables(found: Comparison, importance: bool) -> tuple[Table, ...]:
    if importance and not found.importances:
        _say([f"importances need {LEAST} trials of a method's search, and more than one value of a setting"])
    return (*found.tables, *(found.importances if importance else ()))


def log(found: Comparison, uri: str) -> None:
    """Put `comparison.html` and `comparison.md` on the study's run in MLflow. A failure is a note, not an error.

    Raises:
        BadInput: the MLflow store at `uri` does not answer.
    """
    _log(found, _panels(found, uri), uri)


def _log(found: Comparison, curves: Mapping[str, Mapping[str, Panel]], uri: str) -> None:
    run = found.study.parent_run_id
    try:
        client = connect(uri, create=False)
        client.log_text(run, page(found, curves), "comparison.html")
        client.log_text(run, render_markdown(found), "comparison.md")
    except Exception as error:  # every kind of artifact store raises its own, and the comparison itself is done
        _say([f"the page was not logged to MLflow: {reason(error)}"])
    else:
        _say([f"comparison.html and comparison.md are in the MLflow run {run}"])


def _rendered(found: Comparison, form: str, curves: Mapping[str, Mapping[str, Panel]], *, importance: bool) -> str:
    if form == "html":
        return page(found, curves)
    if form == "text":
        return render_text(found, importance=importance)
    return {"markdown": render_markdown, "latex": render_latex}[form](found, importance=importance)


def _panels(found: Comparison, uri: str | Mapping[str, str]) -> dict[str, dict[str, Panel]]:
    """Learning curves by data set."""
    return {part.data: panels(part.study, part.standing, uri) for part in found.parts}


def _run_name(reference: str) -> str:
    """The study that reproduces a paper's table, where that is named; else the name itself."""
    return aliases().get(reference, reference)


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        console.ERR.print(f"note: {note}", markup=False, soft_wrap=True)


def _names(metrics: str) -> list[str]:
    return [name for name in metrics.split(",") if name.strip()]


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}; choose another file with --out") from error
    _say([f"written to {path}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.compare",
        description="Compare the methods of a study, or of several side by side, from MLflow alone.",
    )
    parser.add_argument(
        "study", nargs="+", help="name of a study, which is that of its MLflow experiment, or a paper's table"
    )
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="MLflow (default: $MLFLOW_TRACKING_URI, else ./mlflow.db)"
    )
    parser.add_argument(
        "--against", metavar="URI", help="another MLflow, whose studies of these names stand beside those here"
    )
    parser.add_argument(
        "--importance", action="store_true", help="say too which settings matter; the HTML page always does"
    )
    parser.add_argument("--format", choices=_FORMATS, default="text")
    parser.add_argument("--out", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--metrics", default="", metavar="A,B", help="such as bce,elbo (default: the usual ones)")
    return parser


if __name__ == "__main__":
    console.run(main)

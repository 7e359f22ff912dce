"""What command lines share: overrides, one-sentence errors, a progress bar."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from methods.core.errors import BadInput


class _Loader(yaml.SafeLoader):
    """YAML's safe loader that takes all of Python's ways to write a number: 1e-3, -.5."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*(\.[\d_]*)?[eE][-+]?\d+|\.\d+([eE][-+]?\d+)?)$"),
    list("-+.0123456789"),
)

OUT = Console(highlight=False)
"""Results, on standard output."""

ERR = Console(stderr=True, highlight=False)
"""Progress and errors, on standard error."""


def settings(assignments: Iterable[str]) -> dict[str, Any]:
    """`key=value` pairs, values read as YAML: 1e-3 and 0.001 are numbers, [a, b] a list, the rest text.

    Raises:
        BadInput: no equals sign, or a value that is no YAML.
    """
    found = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise BadInput(f"--set takes key=value, got {assignment!r}")
        try:
            found[key.strip()] = parse(text)
        except yaml.YAMLError as error:
            raise BadInput(f"the value of --set {key} is no YAML: {text!r}") from error
    return found


def parse(text: str) -> Any:
    """YAML, without tags that build objects, and with 1e-3 a number, which YAML 1.1 reads as text.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except ValueError as error:  # what looks like a date or a number and is none
        raise yaml.YAMLError(str(error)) from error


def add_settings(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--set key=value …` on a command line."""
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=what)


def run(main: Callable[[], int | None]) -> None:
    """Run a command line: a `BadInput` becomes one sentence and exit code 2, Ctrl-C exit code 130."""
    try:
        code = main()
    except BadInput as error:
        ERR.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        code = 2
    except KeyboardInterrupt:
        ERR.print("stopped")
        code = 130
    except BrokenPipeError:
        code = 1
    sys.exit(code)


def progress() -> Progress:
    """A progress bar on standard error; nothing where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=ERR,
        disable=not ERR.is_terminal,
    )

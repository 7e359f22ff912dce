"""Which code decides a trial's result: a hash of the sources that it uses, and of nothing else.

These are the method's module, the data set's, the network's and the likelihood's, the training loop and the metrics,
and all that they import of `methods` and `pipelines`. Comments, docstrings and layout do not count, nor do other
methods or the orchestrator. The versions of libraries are not part of it either: records say which they were.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import methods
import pipelines
from pipelines.datasets import shares

_PACKAGES = {"methods": Path(methods.__path__[0]), "pipelines": Path(pipelines.__path__[0])}
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_ALWAYS = ("pipelines.training", "pipelines.trial", "pipelines.metrics.evaluate")
_CHOSEN = {
    "method": "methods.{}",
    "data": "pipelines.datasets.{}",
    "network": "pipelines.networks.{}",
    "likelihood": "pipelines.networks.likelihoods.{}",
}
"""Modules that a trial's settings choose by name, so that no import shows them."""


def version(settings: Mapping[str, Any]) -> str:
    """16 hex digits that change with the code that a trial of these settings runs."""
    named = {**settings, "data": shares.parted(settings["data"])[0]}
    chosen = (form.format(named[name]) for name, form in _CHOSEN.items() if named.get(name))
    return _version(frozenset(name for name in (*_ALWAYS, *chosen) if _file(name)))


@functools.cache
def _version(roots: frozenset[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(_closure(roots)):
        digest.update(f"{name} {_module(name)[0]}\n".encode())
    return digest.hexdigest()[:16]


def _closure(roots: frozenset[str]) -> set[str]:
    """These modules and all that they import, directly or not."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _module(name)[1]
    return found


@functools.cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """The hash of a module's code, and the modules of this project that it imports, with the packages they are in."""
    path = _file(name)
    assert path is not None
    tree = ast.parse(path.read_text())
    imports = tuple(dict.fromkeys(module for module in _named(tree) if _file(module)))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _with_parents(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


@functools.cache
def _file(name: str) -> Path | None:
    """The source of a module of `methods` or `pipelines`; None for everything else."""
    package, *parts = name.split(".")
    if package not in _PACKAGES:
        return None
    place = _PACKAGES[package].joinpath(*parts)
    candidates = (place / "__init__.py", place.parent / f"{place.name}.py")
    return next((path for path in candidates if path.is_file()), None)

"""Where studies are: the files that ship, the papers' tables, and reading one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from methods.core.errors import BadInput, unknown
from orchestrator.definition import study_check
from orchestrator.definition.explanation import explained
from orchestrator.definition.paper import Paper
from orchestrator.definition.study import Study
from pipelines.console import parse

STUDIES = Path(__file__).parents[1] / "studies"
PAPERS = STUDIES / "papers"


def names() -> list[str]:
    """The studies that ship."""
    return sorted(_files())


def find(reference: str) -> tuple[str, Path]:
    """The name and the file of a study that ships, of one that reproduces a paper's table, or of a YAML file.

    Raises:
        BadInput: there is no such file.
    """
    path = Path(reference)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise BadInput(f"no study file {reference}: give the path of a YAML file or one of {', '.join(names())}")
        return path.stem, path
    files = _files()
    if reference not in files and reference not in aliases():
        raise unknown("study", reference, [*files, *aliases()])
    name = reference if reference in files else aliases()[reference]
    return name, files[name]


def aliases() -> dict[str, str]:
    """Names of tables and figures, such as `hub_vae_supp_table_2`, and the study that reproduces each."""
    found: dict[str, str] = {}
    for path in sorted(PAPERS.glob("*.yaml")):
        block = (parse(path.read_text()) or {}).get("paper")
        found |= dict.fromkeys(Paper.model_validate(block).aliases if block else [], path.stem)
    return found


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in (STUDIES, PAPERS) for path in folder.glob("*.yaml")}


def read(path: Path, overrides: Mapping[str, Any] | None = None) -> Study:
    """The study that a YAML file defines, with `overrides` by dotted key (`fixed.epochs`).

    Raises:
        BadInput: no YAML, a missing or unknown key (with the nearest real one), or a value that is not possible.
    """
    try:
        content = parse(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        raise BadInput(f"{path} is no YAML{f', see line {where.line + 1}' if where else ''}") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} must hold keys and values such as 'data: mnist', got {type(content).__name__}")
    for key, value in (overrides or {}).items():
        _assign(content, key, value)
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        raise explained(str(path), error, Study) from error
    try:
        study_check.check(study)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    return study


def _assign(content: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = content.get(parent)
        content[parent] = content = dict(below) if isinstance(below, dict) else {}
    content[last] = value

"""Several studies as one, for a comparison: every arm is named with the study, or the server, that it is from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from methods.core.errors import BadInput
from orchestrator.definition import scale
from orchestrator.definition.objectives import described
from orchestrator.records.connection import shown
from orchestrator.records.runs import StudyRuns


@dataclass(frozen=True)
class Source:
    """A study that was read.

    Attributes:
        study: with its trials.
        uri: of the MLflow that has it.
    """

    study: StudyRuns
    uri: str


@dataclass(frozen=True)
class Together:
    """Studies as one.

    Attributes:
        study: all their trials; its params are those that all of them have.
        uris: of the MLflow that has a trial's run, by the run's id.
        notes: which label stands for what.
    """

    study: StudyRuns
    uris: dict[str, str]
    notes: tuple[str, ...]


def together(sources: Sequence[Source]) -> Together:
    """The studies as one.

    Raises:
        BadInput: they choose configurations by different metrics.
    """
    first = sources[0].study
    for source in sources:
        if source.study.objectives != first.objectives:
            raise BadInput(
                f"{first.name} goes by {described(first.objectives)} and {source.study.name} by "
                f"{described(source.study.objectives)}: compare studies that go by the same"
            )
    labels = _labels(sources)
    names = " and ".join(dict.fromkeys(source.study.name for source in sources))
    common = {name: value for name, value in first.params.items() if _same(sources, name, value)}
    trials = tuple(
        dataclasses.replace(trial, arms=tuple(f"{arm} [{label}]" for arm in trial.arms))
        for source, label in zip(sources, labels, strict=True)
        for trial in source.study.trials
    )
    return Together(
        study=dataclasses.replace(first, name=names, parent_run_id="", params=common, tags={}, trials=trials),
        uris={trial.run_id: source.uri for source in sources for trial in source.study.trials},
        notes=tuple(
            f"[{label}] is the study {source.study.name} in MLflow at {shown(source.uri)}"
            for source, label in zip(sources, labels, strict=True)
        ),
    )


def _labels(sources: Sequence[Source]) -> list[str]:
    """What tells the sources apart: the study's name, the server, or both; and the scale where that differs."""
    names, uris = {source.study.name for source in sources}, list(dict.fromkeys(source.uri for source in sources))
    scales = {source.study.scale for source in sources}
    labels = []
    for source in sources:
        parts = [source.study.name] if len(names) > 1 else []
        parts += [("here", "against")[uris.index(source.uri)]] if len(uris) > 1 else []
        labels.append(", ".join(parts) + (scale.mark(source.study.scale) if len(scales) > 1 else ""))
    return labels


def _same(sources: Sequence[Source], name: str, value: str) -> bool:
    return all(source.study.params.get(name) == value for source in sources)

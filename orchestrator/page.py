"""A comparison as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from orchestrator import schema, tables
from orchestrator.comparison import Comparison, Part
from orchestrator.curves import Panel
from orchestrator.figures import Points, learning_curves, scatter, swatch
from orchestrator.page_style import CSS
from orchestrator.runs import StudyRuns
from orchestrator.scores import described

_SAID_ELSEWHERE = ("metric", "mode", "description")
_PLAIN = str.maketrans("", "", "[]{}'\"")  # settings are recorded as Python prints lists and dicts


def page(found: Comparison, panels: Mapping[str, Mapping[str, Panel]]) -> str:
    """The comparison with its `panels` of learning curves by data set, complete from doctype to the closing tag."""
    study = found.study
    sections = [
        _head(study),
        _notes(found),
        *map(tables.html, found.tables),
        *(_curves(found, part, panels.get(part.data, {})) for part in found.parts),
        *(_scatters(found, part) for part in found.parts),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(study.name)}: comparison of methods</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def search_points(study: StudyRuns, x: str, y: str) -> Points:
    """Two metrics of every search trial that has both, by method."""
    points: dict[str, list[tuple[float, float]]] = {}
    for trial in study.trials:
        pair = trial.metrics.get(x, math.nan), trial.metrics.get(y, math.nan)
        if trial.role == schema.SEARCH and all(map(math.isfinite, pair)):
            for arm in trial.arms:
                points.setdefault(arm, []).append(pair)
    return points


def _head(study: StudyRuns) -> str:
    facts = {
        "Started": datetime.fromtimestamp(study.start / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Trials": _outcomes(study),
        "Chosen by": f"{study.metric} ({study.mode})",
        **{name: value.translate(_PLAIN) for name, value in study.params.items() if name not in _SAID_ELSEWHERE},
        "Definition": study.tags.get(schema.DEFINITION, ""),
        "MLflow run": study.parent_run_id,
    }
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n"
        for name, value in facts.items()
        if value not in ("", "None")
    )
    note = study.tags.get(schema.NOTE, "")
    about = f"<p>{escape(note)}</p>\n" if note else ""
    return f"<h1>{escape(study.name)}</h1>\n{about}<dl>\n{rows}</dl>\n"


def _outcomes(study: StudyRuns) -> str:
    trials = study.trials
    counts = {
        "finished": sum(trial.finished for trial in trials),
        "stopped early": sum(trial.stopped_early for trial in trials),
        "failed": sum(trial.failed for trial in trials),
    }
    counts["running or interrupted"] = len(trials) - sum(counts.values())
    replicates = sum(trial.role == schema.REPLICATE for trial in trials)
    ended = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"{len(trials)}, {replicates} of them replicates: {ended}"


def _notes(found: Comparison) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    return f'<ul class="notes">{items}</ul>\n' if items else ""


def _legend(methods: list[str], figure: str) -> str:
    entries = ((swatch(place, f"{method} in {figure}"), method) for place, method in enumerate(methods))
    items = "".join(f"<li>{drawn} {escape(method)}</li>\n" for drawn, method in entries)
    return f'<ul class="legend">\n{items}</ul>\n'


def _on(found: Comparison, part: Part) -> str:
    """What a figure's title ends with: the data set, where there are several."""
    return f" on {part.data}" if len(found.parts) > 1 else ""


def _curves(found: Comparison, part: Part, panels: Mapping[str, Panel]) -> str:
    if not panels:
        return ""
    methods, on = list(part.standing), _on(found, part)
    drawn = "".join(
        f"<div>{learning_curves(panel, methods, f'{_labelled(metric)}{on}')}</div>\n"
        for metric, panel in panels.items()
    )
    over = "the replicates" if part.replicated else "one search trial a method"
    caption = (
        f"Lines: mean over {over}; bands: from the lowest to the highest. The frame fits the epochs after the first "
        "fifth; earlier values may lie outside."
    )
    return _figure(
        f"Learning curves{on}", _legend(methods, f"curves{on}") + f'<div class="panels">{drawn}</div>', caption
    )


def _scatters(found: Comparison, part: Part) -> str:
    study, methods, on = part.study, list(part.standing), _on(found, part)
    y = "test/bce"
    drawn = []
    for x in dict.fromkeys(("test/rate", study.metric)):
        points = search_points(study, x, y)
        if sum(map(len, points.values())) > 1:
            drawn.append(f"<div>{scatter(points, methods, x=_labelled(x), y=f'{_labelled(y)}{on}')}</div>\n")
    if not drawn:
        return ""
    caption = "Every marker is a search trial that ran to its end and has both metrics; not every method has a rate."
    return _figure(
        f"Reconstruction{on}", _legend(methods, f"scatter{on}") + f'<div class="panels">{"".join(drawn)}</div>', caption
    )


def _labelled(metric: str) -> str:
    """The metric with its unit."""
    unit = described(metric.partition("/")[2]).unit
    return f"{metric} ({unit})" if unit else metric


def _figure(title: str, content: str, caption: str) -> str:
    return f"<figure><h2>{title}</h2>\n{content}\n<figcaption>{caption}</figcaption></figure>\n"

"""A comparison as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from orchestrator.comparison import tables
from orchestrator.comparison.curves import Panel
from orchestrator.comparison.figures import learning_curves, plane, scatter, swatch
from orchestrator.comparison.page_style import CSS
from orchestrator.comparison.parallel import drawable, parallel
from orchestrator.comparison.planes import by_metric, planes
from orchestrator.comparison.report import Comparison, Part
from orchestrator.comparison.scores import described
from orchestrator.comparison.tried import tried
from orchestrator.definition.objectives import described as described_objectives
from orchestrator.records import schema
from orchestrator.records.runs import StudyRuns

_SAID_ELSEWHERE = ("metric", "mode", "description", "budget", "prices")
_PLANES = (
    "The first figure has every trial of the study that has both metrics, searched or replicated; hollow markers are "
    "trials that were stopped early, as they were then. The line joins the trials that no other one beats. Not every "
    "method has a rate."
)
_SEARCHES = (
    "A line is a trial of the search, from setting to setting; an axis goes from the lowest to the highest value. "
    "Blue are the best trials, dotted those that were stopped early."
)
_PLAIN = str.maketrans("", "", "[]{}'\"")  # settings are recorded as Python prints lists and dicts


def page(found: Comparison, panels: Mapping[str, Mapping[str, Panel]]) -> str:
    """The comparison with its `panels` of learning curves by data set, complete from doctype to the closing tag."""
    study = found.study
    sections = [
        _head(study),
        _notes(found),
        *map(tables.html, found.tables),
        *(_curves(found, part, panels.get(part.data, {})) for part in found.parts),
        *(_planes(found, part) for part in found.parts),
        *map(tables.html, found.importances),
        *(_searches(found, part) for part in found.parts),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(study.name)}: comparison of methods</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _head(study: StudyRuns) -> str:
    facts = {
        "Started": datetime.fromtimestamp(study.start / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Trials": _outcomes(study),
        "Chosen by": described_objectives(study.objectives),
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
    over = "the replicates" if part.rows.replicated else "one search trial a method"
    caption = (
        f"Lines: mean over {over}; bands: from the lowest to the highest. The frame fits the epochs after the first "
        "fifth; earlier values may lie outside."
    )
    return _figure(
        f"Learning curves{on}", _legend(methods, f"curves{on}") + f'<div class="panels">{drawn}</div>', caption
    )


def _planes(found: Comparison, part: Part) -> str:
    """Every plane of the study, and under a study with one metric the reconstruction against that."""
    study, arms, on = part.study, list(dict.fromkeys(part.rows.arms.values())), _on(found, part)
    drawn = [
        f"<div>{plane(one, arms, x=_labelled(one.x), y=f'{_labelled(one.y)}{on}')}</div>\n" for one in planes(study)
    ]
    metric = study.objectives[0].metric
    points = by_metric(study, metric, "test/bce")
    if len(study.objectives) == 1 and sum(map(len, points.values())) > 1:
        y = _labelled("test/bce")
        drawn.append(f"<div>{scatter(points, arms, x=_labelled(metric), y=f'{y}{on}')}</div>\n")
    if not drawn:
        return ""
    title = "Pareto front" if len(study.objectives) > 1 else "Reconstruction"
    content = _legend(arms, f"planes{on}") + f'<div class="planes">{"".join(drawn)}</div>'
    return _figure(f"{title}{on}", content, _PLANES)


def _searches(found: Comparison, part: Part) -> str:
    """Parallel coordinates of every arm whose search has something to show."""
    goals, on = part.study.objectives, _on(found, part)
    searches = [tried(part.study, arm) for arm in dict.fromkeys(part.rows.arms.values())]
    drawn = ""
    for each in filter(drawable, searches):
        figure = parallel(each, goals, f"search of {each.arm}{on}")
        drawn += f"<details><summary>{escape(each.arm)}</summary>{figure}</details>\n"
    return _figure(f"What the searches tried{on}", f'<div class="searches">{drawn}</div>', _SEARCHES) if drawn else ""


def _labelled(metric: str) -> str:
    """The metric with its unit."""
    unit = described(metric.partition("/")[2]).unit
    return f"{metric} ({unit})" if unit else metric


def _figure(title: str, content: str, caption: str) -> str:
    return f"<figure><h2>{title}</h2>\n{content}\n<figcaption>{caption}</figcaption></figure>\n"

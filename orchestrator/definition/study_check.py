"""What is wrong with a study that pydantic cannot know: names, values and ranges."""

from __future__ import annotations

from methods.core.errors import BadInput, unknown
from orchestrator.definition import generations, optimization, paper
from orchestrator.definition.study import NETWORK, Study
from pipelines import datasets, figures
from pipelines.metrics.registry import groups_of
from pipelines.trial import searchable


def check(study: Study) -> None:
    """Whether every name, every fixed value and every range of the study is possible.

    Raises:
        BadInput: one is not.
    """
    rows, data = [one.name for one in study.arms], study.data_names
    if not rows or len(set(rows)) < len(rows):
        raise BadInput(f"methods must name at least one method, each once, got {study.methods!r}")
    if not data or len(set(data)) < len(data):
        raise BadInput(f"data must name at least one data set, each once, got {study.data!r}")
    if study.optimization is not None:
        optimization.check(study.optimization)
    _check_objectives(study)
    if study.budget.cost is not None and study.hourly(study.resources.most_gpu) == 0:
        raise BadInput("budget.cost needs prices above 0, such as prices: {cpu: 0.05, gpu: 1.5}")
    _check_names(study)
    _check_settings(study)
    for branch in study.branches:
        study.ranges(branch)
        study.trial(branch, {}, seed=0)
    generations.check(study)


def _check_objectives(study: Study) -> None:
    metrics = [study.metric] if isinstance(study.metric, str) else study.metric
    modes = [study.mode] if isinstance(study.mode, str) else study.mode
    if not metrics or len(set(metrics)) < len(metrics):
        raise BadInput(f"metric must name at least one metric, each once, got {study.metric!r}")
    for metric in metrics:
        if metric.startswith(optimization.PREFIX):
            _check_outcome(study, metric)
        elif not metric.startswith(("valid/", "train/")) and (metric != "seconds" or len(metrics) == 1):
            raise BadInput(f"metric must begin with valid/, train/ or {optimization.PREFIX}, got {metric!r}")
    if len(metrics) != len(modes):
        example = ", ".join(["min"] * len(metrics))
        raise BadInput(f"mode must say max or min for each metric, such as [{example}], got {study.mode!r}")
    if len(metrics) > 1 and study.early_stopping is not None:
        raise BadInput("early_stopping goes by one metric: with several, set early_stopping to null")


def _check_outcome(study: Study, metric: str) -> None:
    if study.optimization is None:
        raise BadInput(f"the metric {metric!r} needs searches: add optimization: {{task: expression}} to the study")
    if metric not in study.optimization.metrics:
        raise unknown("outcome of searches", metric, study.optimization.metrics)
    if study.early_stopping is not None:
        raise BadInput(f"{metric} is known at the end of a trial only: set early_stopping to null")


def _check_names(study: Study) -> None:
    for name in study.data_names:
        if name not in datasets.names():
            raise unknown("data set", name, datasets.names())
    for name in study.per_data:
        if name not in study.data_names:
            raise unknown("data set in per_data", name, study.data_names)
    groups_of(study.metrics)
    for name in () if study.figures == "all" else study.figures:
        if name not in figures.names():
            raise unknown("figure", name, [*figures.names(), "all"])
    if study.paper is not None:
        paper.check(study.paper)


def _check_settings(study: Study) -> None:
    known = {name for one in study.arms for name in searchable(one.method)} - {"seed"}
    for key in study.space:
        if key not in known:
            raise unknown("setting in space", key, known)
        if key in study.fixed:
            raise BadInput(f"{key} is both in fixed and in space: take it out of one of them")
    given = [("fixed", key) for key in study.fixed] + [
        ("per_data", key) for entry in study.per_data.values() for key in entry
    ]
    for where, key in given:
        if key not in known | NETWORK:
            raise unknown(f"setting in {where}", key, known | NETWORK)
    for one in study.arms:
        if held := {"data", "seed"} & set(one.settings):
            raise BadInput(f"the arm {one.name!r} sets {held.pop()}, which is the study's to set")

"""Which settings decide how good a method is: importances from the trials of its search."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from orchestrator.comparison.tables import Cell, Column, Table
from orchestrator.comparison.tried import Setting, Tried, share, tried
from orchestrator.definition.objectives import Objectives
from orchestrator.records.runs import StudyRuns

LEAST = 10
"""Trials below which nothing is said of importances."""

_COLUMNS = (
    Column("method", align="left"),
    Column("setting", align="left"),
    Column("importance", "share in what separates the best trials from all"),
    Column("tried", align="left"),
    Column("in the best trials", align="left"),
)


def importance(study: StudyRuns, arms: Sequence[str], data: str = "") -> Table | None:
    """Every setting of every one of the `arms` that has enough trials; None where none has.

    Args:
        study: on one data set.
        arms: in the order of the rows.
        data: the data set, for the title, where there are several.
    """
    found = [each for each in (tried(study, arm) for arm in arms) if len(each.trials) >= LEAST and each.settings]
    if not found:
        return None
    rows = [row for each in found for row in _rows(each, importances(each, study.objectives))]
    left_out = [arm for arm in arms if arm not in {each.arm for each in found}]
    missing = (
        f" Left out, for fewer than {LEAST} trials or nothing to search: {', '.join(left_out)}." if left_out else ""
    )
    best = "those on the Pareto front" if len(study.objectives) > 1 else "a tenth of all, five at least, half at most"
    caption = (
        "Importance: how much a setting's distribution among the best trials of a method's search differs from that "
        "among all, as a share of the sum over its settings (PED-ANOVA, Watanabe et al. 2023). The best trials are "
        f"{best}. Trials that were stopped early count as worse than all that ran to their end. With a few dozen "
        f"trials it is a hint, no more.{missing}"
    )
    return Table(f"Importance of settings{data and f' on {data}'}", _COLUMNS, tuple(rows), caption)


def importances(found: Tried, goals: Objectives) -> dict[str, float]:
    """The share of each setting, largest first; they sum to one, unless none makes a difference.

    Args:
        found: at least two trials, one of which ran to its end.
        goals: the study's objectives.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize" if each.mode == "max" else "minimize" for each in goals])
    distributions = {setting.name: _distribution(setting) for setting in found.settings}
    worst = _worst(found, goals)
    for place, result in enumerate(found.results):
        params = {setting.name: setting.values[place] for setting in found.settings}
        study.add_trial(optuna.create_trial(params=params, distributions=distributions, values=list(result or worst)))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=share(len(found.trials)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all trials are equally good: then no setting makes a difference
        return dict(get_param_importances(study, evaluator=evaluator))


def _worst(found: Tried, goals: Objectives) -> tuple[float, ...]:
    """Worse in every objective than all that ran to their end."""
    columns = list(zip(*(result for result in found.results if result), strict=True))
    ends = [(min(column), max(column)) for column in columns]
    return tuple(
        low - (high - low) - 1 if goal.mode == "max" else high + (high - low) + 1
        for goal, (low, high) in zip(goals, ends, strict=True)
    )


def _distribution(setting: Setting) -> BaseDistribution:
    if setting.choices:
        return CategoricalDistribution(setting.choices)
    numbers = [float(value) for value in setting.values]
    return FloatDistribution(min(numbers), max(numbers), log=setting.log)


def _rows(found: Tried, shares: dict[str, float]) -> list[tuple[Cell, ...]]:
    settings = {setting.name: setting for setting in found.settings}
    return [
        (
            Cell(found.arm),
            Cell(name),
            Cell(f"{100 * value:.0f}%"),
            Cell(_range(settings[name], range(len(found.trials)))),
            Cell(_range(settings[name], found.best)),
        )
        for name, value in shares.items()
    ]


def _range(setting: Setting, places: Sequence[int]) -> str:
    """The choices, or from the lowest to the highest number, of the trials at these places."""
    if setting.choices:
        return ", ".join(sorted({str(setting.values[place]) for place in places}))
    numbers = [float(setting.values[place]) for place in places]
    low, high = min(numbers), max(numbers)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"

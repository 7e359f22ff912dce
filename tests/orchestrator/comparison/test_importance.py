"""Which settings matter: in searches whose results follow a known rule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.comparison.importance import importance, importances
from orchestrator.comparison.parallel import drawable, parallel
from orchestrator.comparison.tried import tried
from orchestrator.records.runs import StudyRuns, TrialRun

Rule = Callable[[float, float, str], float]


def study(rule: Rule, count: int = 60, stopped: int = 0) -> StudyRuns:
    """A search of rae over learning_rate and weight (by their logarithms) and regularizer; the worst are stopped."""
    random = np.random.default_rng(0)
    trials = []
    for _ in range(count):
        rate, weight = 10 ** random.uniform(-4, -2), 10 ** random.uniform(-6, 1)
        kind = str(random.choice(["none", "l2", "gp"]))
        settings = {"learning_rate": rate, "weight": weight, "regularizer": kind, "epochs": 5, "seed": 0}
        trials.append((rule(math.log10(rate), math.log10(weight), kind), settings))
    bar = sorted(value for value, _ in trials)[stopped]
    runs = [
        TrialRun(
            f"run{place}", "rae", "search", str(place), str(place), 0,
            "finished" if value >= bar else "stopped early after epoch 1",
            "FINISHED" if value >= bar else "KILLED",
            {name: str(setting) for name, setting in settings.items()}, {"valid/elbo": value}, place, place + 1,
        )
        for place, (value, settings) in enumerate(trials)
    ]  # fmt: skip
    return StudyRuns("s", "valid/elbo", "max", "p", "0", 0, trials=tuple(runs))


RULES: dict[str, Rule] = {
    "learning_rate": lambda rate, weight, kind: -((rate + 3) ** 2) + weight / 1e3,
    "weight": lambda rate, weight, kind: -((weight + 2) ** 2) + rate / 1e3,
    "regularizer": lambda rate, weight, kind: 10.0 * (kind == "l2") + math.sin(1e4 * rate),  # as good as noise
}


@pytest.mark.parametrize("stopped", [0, 30])
@pytest.mark.parametrize("name", RULES)
def test_the_setting_that_decides_has_most_of_the_importance(name: str, stopped: int) -> None:
    found = study(RULES[name], stopped=stopped)
    shares = importances(tried(found, "rae"), found.objectives)
    assert next(iter(shares)) == name
    assert shares[name] > 0.5
    assert sum(shares.values()) == pytest.approx(1)


def test_settings_of_earlier_epochs_are_no_setting_of_the_search() -> None:
    found = study(RULES["weight"], count=20)
    past = [replace(one, params={**one.params, "earlier": f"2:weight={one.identity}"}) for one in found.trials]
    settings = tried(replace(found, trials=tuple(past)), "rae").settings
    assert {setting.name for setting in settings} == {"learning_rate", "weight", "regularizer"}


def test_members_of_early_generations_were_not_tried() -> None:
    found = study(RULES["weight"], count=20)
    members = [replace(one, role="member") for one in found.trials[:15]]
    assert len(tried(replace(found, trials=(*members, *found.trials[15:])), "rae").trials) == 5


def test_what_is_the_same_in_all_trials_is_no_setting_of_the_search() -> None:
    found = tried(study(RULES["weight"]), "rae")
    assert [setting.name for setting in found.settings] == ["learning_rate", "regularizer", "weight"]
    assert [setting.log for setting in found.settings] == [True, False, True]


def test_the_best_trials_are_a_tenth_and_five_at_least() -> None:
    for count, best in ((60, 6), (20, 5), (6, 3)):
        found = tried(study(RULES["weight"], count), "rae")
        values = [result[0] for result in found.results if result]
        assert sorted(values)[-best:] == sorted(values[place] for place in found.best)


def test_a_few_trials_say_nothing() -> None:
    assert importance(study(RULES["weight"], 9), ["rae"]) is None


def test_the_table_has_the_ranges_of_all_and_of_the_best() -> None:
    table = importance(study(RULES["regularizer"]), ["rae"])
    assert table is not None
    first = [cell.text for cell in table.rows[0]]
    assert first[:2] == ["rae", "regularizer"]
    assert first[3:] == ["gp, l2, none", "l2"]


def test_parallel_coordinates_have_an_axis_for_every_setting_and_the_metric() -> None:
    found = study(RULES["regularizer"], 12, stopped=3)
    search = tried(found, "rae")
    assert drawable(search)
    texts = re.findall(r">([^<>]+)</text>", parallel(search, found.objectives, "search of rae"))
    assert {"learning_rate", "regularizer", "weight", "valid/elbo"} <= {text.strip() for text in texts}


def test_a_search_in_which_nothing_ended_is_not_drawn() -> None:
    found = study(RULES["weight"], 12, stopped=11)
    assert not drawable(tried(found.on("nowhere"), "rae"))

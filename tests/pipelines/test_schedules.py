from __future__ import annotations

import math

import pytest

from methods.core.errors import BadInput
from methods.core.ranges import words
from pipelines.schedules import RULES, Schedules, schedule


def _factors(text: str, epochs: int, decayed: int = 0) -> list[float]:
    found = schedule(text)
    return [found.factor(epoch, epochs=epochs, decayed=decayed) for epoch in range(epochs)]


def test_a_constant_rate_stays() -> None:
    assert _factors("constant", 3) == [1, 1, 1]


def test_a_cosine_goes_from_one_towards_zero() -> None:
    expected = [1, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4]
    assert _factors("cosine", 4) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "first", "later"),
    [
        ("step", (149, 1.0), [(150, 0.5), (299, 0.5), (300, 0.25)]),  # two-stage VAE
        ("step:0.1@7", (6, 1.0), [(7, 0.1), (13, 0.1), (14, 0.01)]),  # GMM-DAE
        ("multistep", (29, 1.0), [(30, 1 / 2), (49, 1 / 2), (50, 1 / 10), (99, 1 / 10), (100, 1 / 100)]),  # WAE
        ("multistep:0.5@2,4@3", (1, 1.0), [(2, 0.5), (3, 2.0)]),
    ],
)
def test_published_steps_come_at_their_epochs(
    text: str, first: tuple[int, float], later: list[tuple[int, float]]
) -> None:
    factors = _factors(text, 400)
    for epoch, factor in (first, *later):
        assert factors[epoch] == pytest.approx(factor)


@pytest.mark.parametrize("rule", ["plateau", "restart"])
def test_adaptive_rules_go_by_the_decays_so_far(rule: str) -> None:
    assert [_factors(f"{rule}:0.2@3", 1, decayed)[0] for decayed in range(3)] == pytest.approx([1, 0.2, 0.04])


@pytest.mark.parametrize(("rule", "lookahead", "restarts"), [("plateau", 5, 0), ("restart", 20, 5), ("cosine", 0, 0)])
def test_only_adaptive_rules_look_at_the_validation_objective(rule: str, lookahead: int, restarts: int) -> None:
    assert (schedule(rule).lookahead, schedule(rule).restarts) == (lookahead, restarts)


@pytest.mark.parametrize("rule", RULES)
def test_text_leads_back_to_the_schedule(rule: str) -> None:
    found = schedule(rule)
    assert schedule(str(found)) == found
    assert Schedules().check("schedule", rule) == str(found)


def test_the_searched_schedules_are_the_rules() -> None:
    assert words(Schedules()) == "constant | cosine | step | multistep | plateau | restart"


@pytest.mark.parametrize(
    "text",
    [
        *("step:", "step:0.5", "step:0.5@", "step:half@3", "step:0@3", "step:-1@3", "step:nan@3", "step:inf@3"),
        *("step:0.5@0", "step:0.5@1.5", "step:0.5@3,0.5@4", "plateau:0.5@1,0.5@2", "multistep:0.5@3,"),
    ],
)
def test_numbers_that_a_rule_cannot_take_are_answered_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match=r"is written like '\w+:0\.5@.*, got '"):
        schedule(text)


def test_rules_without_numbers_take_none() -> None:
    with pytest.raises(BadInput, match="the schedule cosine takes no numbers, got "):
        schedule("cosine:0.5@3")


def test_an_unknown_rule_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown schedule 'steps': did you mean 'step'"):
        schedule("steps:0.5@3")

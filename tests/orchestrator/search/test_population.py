"""Population-based training by the values that its members are said to have."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from methods.core.ranges import Integer, OneOf, Real
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.schema import MEMBER, REPLICATE, SEARCH
from orchestrator.search.branch_search import BranchSearch
from orchestrator.search.planned import Planned
from orchestrator.search.population import Member, Population, perturbed
from orchestrator.search.population_search import PopulationSearch
from pipelines.trial import Trial, trial

RATES = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "latent": [2, 3, 4, 5, 6, 7, 8, 9]}


def study(**keys: Any) -> Study:
    given = {"methods": ["beta_vae"], "trials": 8, "seeds": 2, "generations": 3, "search": "pbt", "space": RATES}
    return Study.model_validate({"data": "digits", "metric": "valid/bce", "fixed": {"epochs": 9}} | given | keys)


def values(members: list[Member], found: list[float | None]) -> dict[str, float | None]:
    return {member.trial.identity: value for member, value in zip(members, found, strict=True)}


def following(found: list[float | None], **keys: Any) -> tuple[list[Member], list[Member]]:
    """The first generation, and the second one where the first has these values."""
    population = Population(study(**keys), "beta_vae")
    first = population.first()
    return first, population.next(1, first, values(first, found))


def run(search: PopulationSearch, value: Callable[[Trial], float]) -> list[Planned]:
    """All trials of a search, one after another."""
    done = []
    while (planned := search.next()) is not None:
        search.tell(planned, ledger.FINISHED, [value(planned.trial)])
        done.append(planned)
    return done


def test_the_first_generation_draws_what_random_search_draws() -> None:
    found = [member.trial for member in Population(study(), "beta_vae").first()]
    other = BranchSearch(study(search="random", generations=None), "beta_vae", [])
    drawn = [other.next().trial for _ in range(8)]
    assert [one.altered({"epochs": 9}) for one in found] == drawn
    assert {one.epochs for one in found} == {3}


def test_the_worst_quarter_goes_on_from_the_best_quarter_and_the_others_as_they_are() -> None:
    first, second = following([1.0, 8.0, 3.0, 4.0, 2.0, 7.0, 6.0, 5.0])  # more is better
    best = {first[1].trial.identity, first[5].trial.identity}
    assert {second[0].parent, second[4].parent} <= best
    for place in (1, 2, 3, 5, 6, 7):
        assert second[place].parent == first[place].trial.identity
        assert second[place].trial == first[place].trial.altered({"epochs": 6})


def test_less_is_better_where_the_study_says_so() -> None:
    first, second = following([1.0, 8.0, 3.0, 4.0, 2.0, 7.0, 6.0, 5.0], mode="min")
    assert {second[1].parent, second[5].parent} <= {first[0].trial.identity, first[4].trial.identity}


def test_a_replacement_changes_what_can_change_and_inherits_the_rest_with_the_past() -> None:
    first, second = following([1.0, 8.0, 3.0, 4.0, 2.0, 7.0, 6.0, 5.0])
    parents = {member.trial.identity: member.trial for member in first}
    for child in (second[0], second[4]):
        parent = parents[child.parent]
        assert child.trial.latent == parent.latent
        assert child.trial.hyper != parent.hyper
        assert child.trial.learning_rate != parent.learning_rate
        assert child.trial.earlier == (
            f"3:beta={parent.hyper['beta']},learning_rate={parent.learning_rate}"
        )  # all that is searched and can change
        assert child.trial.continues(parent)


def test_those_that_failed_are_replaced_however_many() -> None:
    first, second = following([None, None, None, 4.0, None, None, 6.0, 5.0])
    best = first[6].trial.identity
    parents = [member.parent for member in second]
    assert parents[:3] == [best] * 3 or set(parents[:3]) <= {best, first[7].trial.identity}
    assert parents[6] == best
    assert all(parents)


def test_where_all_failed_all_are_drawn_anew() -> None:
    first, second = following([None] * 8)
    assert {member.parent for member in second} == {""}
    assert {member.trial.epochs for member in second} == {6}
    assert {member.trial.earlier for member in second} == {""}
    assert not {one.trial.learning_rate for one in first} & {one.trial.learning_rate for one in second}


@pytest.mark.parametrize("seed", range(5))
def test_no_two_members_are_the_same_though_there_are_few_values(seed: int) -> None:
    search = PopulationSearch(
        study(space={"batch_size": [50, 100], "beta": [1, 2]}, trials=4, seed=seed), "beta_vae", []
    )
    done = run(search, lambda trial: trial.batch_size / 100)
    identities = [planned.trial.identity for planned in done]
    assert len(set(identities)) == len(identities) == 4 * 3 + 2


def test_numbers_are_perturbed_by_a_fifth_within_their_range() -> None:
    chance = random.Random(0)
    assert {perturbed(0.5, Real(0.1, 10), chance) for _ in range(30)} == {0.4, 0.6}
    assert {perturbed(9.0, Real(0.1, 10), chance) for _ in range(30)} == {7.2, 10}
    assert {perturbed(0.1, Real(0.1, 10), chance) for _ in range(30)} == {0.1, 0.12}


def test_whole_numbers_move_by_one_at_least_and_stay_whole() -> None:
    chance = random.Random(0)
    assert {perturbed(2, Integer(1, 50), chance) for _ in range(30)} == {1, 3}
    assert {perturbed(50, Integer(1, 50), chance) for _ in range(30)} == {40, 50}


def test_choices_move_to_a_neighbor() -> None:
    chance = random.Random(0)
    assert {perturbed(16, OneOf(8, 16, 32, 64), chance) for _ in range(30)} == {8, 32}
    assert {perturbed(64, OneOf(8, 16, 32, 64), chance) for _ in range(30)} == {32, 64}


def test_a_quarter_of_the_settings_is_drawn_anew() -> None:
    """Of n settings perturbed by a fifth, so many are neither 0.8 nor 1.2 times what they were: within 5 standard
    deviations, a false alarm in a million."""
    population, n = Population(study(space={"beta": {"low": 1e-3, "high": 1e3, "log": True}}), "beta_vae"), 200
    parent = trial({"data": "digits", "method": "beta_vae", "epochs": 3, "beta": 1.0})
    chance = random.Random(0)
    anew = {"learning_rate": 1e-3, "beta": 100.0}
    children = [population._explored(parent, anew, 1, chance).hyper["beta"] for _ in range(n)]
    assert set(children) == {0.8, 1.2, 100.0}
    assert abs(children.count(100.0) - n / 4) < 5 * (n * 3 / 16) ** 0.5


def test_members_are_trained_part_by_part_and_the_last_generation_is_the_search() -> None:
    done = run(PopulationSearch(study(), "beta_vae", []), lambda trial: trial.learning_rate)
    parts = [(planned.role, planned.trial.epochs) for planned in done]
    assert parts == [(MEMBER, 3)] * 8 + [(MEMBER, 6)] * 8 + [(SEARCH, 9)] * 8 + [(REPLICATE, 9)] * 2


def test_a_generation_waits_for_the_last_member_of_the_one_before() -> None:
    search = PopulationSearch(study(), "beta_vae", [])
    running = [search.next() for _ in range(8)]
    for planned in running[1:]:
        search.tell(planned, ledger.FINISHED, [1.0])
        assert search.next() is None
    search.tell(running[0], ledger.FINISHED, [1.0])
    assert search.next().trial.epochs == 6


def test_the_best_is_of_the_last_generation_and_its_replicates_have_its_past() -> None:
    search = PopulationSearch(study(), "beta_vae", [])
    done = run(search, lambda trial: 100 / trial.epochs + trial.learning_rate)
    last = max((planned.trial for planned in done if planned.role == SEARCH), key=lambda one: one.learning_rate)
    assert search.best() == [last]
    assert last.earlier
    assert [planned.trial for planned in done[-2:]] == [last.altered({"seed": seed}) for seed in (1, 2)]


def test_without_a_finished_member_of_the_last_generation_there_are_no_replicates() -> None:
    search = PopulationSearch(study(), "beta_vae", [])
    while (planned := search.next()) is not None:
        status = ledger.FAILED if planned.role == SEARCH else ledger.FINISHED
        search.tell(planned, status, [1.0])
    assert search.done
    assert search.best() == []


def test_states_are_those_of_this_generation_and_of_its_parents() -> None:
    search = PopulationSearch(study(), "beta_vae", [])
    kept = []
    while (planned := search.next()) is not None:
        kept.append((planned.trial.epochs, planned.role, search.states))
        assert not planned.parent or planned.parent in search.states
        search.tell(planned, ledger.FINISHED, [planned.trial.learning_rate])
    sizes = {(epochs, role): len(states) for epochs, role, states in kept}
    assert sizes[3, MEMBER] == 8  # their own
    assert 8 < sizes[6, MEMBER] <= 8 + 8
    assert 6 <= sizes[9, SEARCH] <= 8  # their parents'; nobody goes on from the last generation
    assert sizes[9, REPLICATE] == 0


def test_another_seed_of_the_study_has_other_members() -> None:
    one, other = (
        {planned.trial.identity for planned in run(PopulationSearch(study(seed=seed), "beta_vae", []), lambda _: 1.0)}
        for seed in (0, 1)
    )
    assert len(one & other) <= 3 + 2  # of the defaults, which come first

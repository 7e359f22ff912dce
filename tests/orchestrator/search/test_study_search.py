"""Which trials a study consists of, whatever happens to them. The search is driven by hand, as Ray Tune drives it."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.gpu_shares import GpuShares
from orchestrator.records.ledger import Record
from orchestrator.search.branch_search import BranchSearch
from orchestrator.search.study_search import StudySearch
from pipelines.trial import Trial
from pipelines.trial import trial as checked

METRIC = "valid/mse"
RATES = {"learning_rate": {"low": 1e-4, "high": 1e-2}}


def study(**keys: Any) -> Study:
    given = {"methods": ["vae"], "trials": 4, "seeds": 2, "mode": "min", "fixed": {"epochs": 6}, "space": RATES}
    return Study.model_validate({"data": "digits", "metric": METRIC} | given | keys)


Outcome = tuple[str, float]


def good(trial: Trial) -> Outcome:
    """All trials finish; a larger learning rate is better."""
    return ledger.FINISHED, -math.log(trial.learning_rate) + trial.seed / 1e3


def mixed(trial: Trial) -> Outcome:
    """A third of the configurations fail, are stopped or have no finite value; replicates finish."""
    fate = int(trial.identity, 16) % 9 if trial.seed == 0 else 9
    value = math.nan if fate == 2 else good(trial)[1]
    return {0: ledger.FAILED, 1: ledger.STOPPED}.get(fate, ledger.FINISHED), value


@dataclass
class Sweep:
    """A study's trials on a number of slots, with the records that they leave.

    `ended` has the identity of every trial that ran to its end, in that order.
    """

    study: Study
    outcome: Callable[[Trial], Outcome] = good
    slots: int = 1
    records: dict[str, Record] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    clock: itertools.count = field(default_factory=itertools.count)

    def start(self, trials: float = math.inf, chance: random.Random | None = None) -> StudySearch:
        """One start of the sweep that is killed after `trials` trials. What ends first is left to chance."""
        search = StudySearch(self.study, sorted(self.records.values(), key=lambda record: record.started))
        running: dict[str, dict[str, Any]] = {}
        numbers = itertools.count()
        while len(self.ended) < trials:
            while len(running) < self.slots:
                number = str(next(numbers))
                config = search.suggest(number)
                if config is None or config == Searcher.FINISHED:
                    break
                running[number] = config
                self._begin(config)
            if not running:
                assert search.done
                break
            number = (chance or random.Random(0)).choice(list(running))
            self._end(search, number, running.pop(number))
        return search

    def _begin(self, config: dict[str, Any]) -> None:
        trial = checked(config["settings"])
        assert trial.identity == config["identity"]
        kept = self.records.get(trial.identity)
        assert kept is None or kept.status == ledger.RUNNING, "a trial that ended was started again"
        record = Record(trial.identity, trial.configuration, trial.settings(), config["role"], next(self.clock))
        record.arms = [self.study.branches[config["branch"]].arm.name]
        self.records[trial.identity] = kept or record

    def _end(self, search: StudySearch, number: str, config: dict[str, Any]) -> None:
        record, (status, value) = self.records[config["identity"]], self.outcome(checked(config["settings"]))
        for epoch in (2, 4):
            if not any(entry["epoch"] == epoch for entry in record.history):
                record.history.append({"epoch": epoch, "time": 0, METRIC: value})
                search.on_trial_result(number, {"epoch": epoch, METRIC: value, "status": ledger.RUNNING})
        reported = ledger.RUNNING if status == ledger.STOPPED else status
        result = {"epoch": 6, METRIC: value, "status": reported}
        record.history.append({"epoch": 6, "time": 0, METRIC: value})
        record.status = status
        search.on_trial_complete(number, result)
        self.ended.append(record.identity)

    def roles(self, method: str = "vae") -> Counter:
        mine = [record for record in self.records.values() if record.settings["method"] == method]
        return Counter(record.role for record in mine)

    def settings(self, role: str) -> list[dict[str, Any]]:
        records = sorted(self.records.values(), key=lambda record: record.started)
        return [record.settings for record in records if record.role == role]


def told(search: StudySearch, method: str = "vae") -> list[optuna.trial.FrozenTrial]:
    """What Optuna knows of a method's configurations."""
    return search.searches[method]._optuna.get_trials()


def test_the_defaults_come_first() -> None:
    sweep = Sweep(study())
    sweep.start()
    assert sweep.settings("search")[0]["learning_rate"] == 1e-3


def test_every_method_gets_its_trials_and_replicates() -> None:
    sweep = Sweep(study(methods=["vae", "beta_vae"]), slots=3)
    assert sweep.start().done
    assert sweep.roles("vae") == sweep.roles("beta_vae") == {"search": 4, "replicate": 2}


def test_no_two_configurations_are_the_same() -> None:
    sweep = Sweep(study(trials=12, space={"latent": [2, 3, 4, 5, 6, 7, 8, 9]}))
    sweep.start()
    assert sorted(settings["latent"] for settings in sweep.settings("search")) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_searches_use_seed_zero_and_replicates_the_seeds_after_it() -> None:
    sweep = Sweep(study(seeds=3))
    sweep.start()
    assert {settings["seed"] for settings in sweep.settings("search")} == {0}
    assert [settings["seed"] for settings in sweep.settings("replicate")] == [1, 2, 3]


@pytest.mark.parametrize(("mode", "best"), [("min", max), ("max", min)])
def test_replicates_have_the_best_configuration(mode: str, best: Callable[..., float]) -> None:
    sweep = Sweep(study(mode=mode))
    sweep.start()
    rates = [settings["learning_rate"] for settings in sweep.settings("search")]
    assert {settings["learning_rate"] for settings in sweep.settings("replicate")} == {best(rates)}


def test_replicates_wait_for_the_whole_search() -> None:
    search = StudySearch(study(trials=2), [])
    first, second = search.suggest("0"), search.suggest("1")
    assert {first["role"], second["role"]} == {"search"}
    search.on_trial_complete("0", {"epoch": 6, METRIC: 1.0, "status": ledger.FINISHED})
    assert search.suggest("2") is None
    search.on_trial_complete("1", {"epoch": 6, METRIC: 2.0, "status": ledger.FINISHED})
    assert [search.suggest("3")["role"], search.suggest("4")["role"]] == ["replicate", "replicate"]


def test_slots_that_one_method_cannot_use_go_to_the_next() -> None:
    search = StudySearch(study(methods=["vae", "beta_vae"], trials=2), [])
    assert [search.suggest(str(n))["settings"]["method"] for n in range(3)] == ["vae", "vae", "beta_vae"]


@pytest.mark.parametrize("single", [{"space": {}}, {"trials": 1}, {"search": "grid", "space": {"latent": [7]}}])
def test_a_single_configuration_is_replicated_without_a_search(single: dict[str, Any]) -> None:
    sweep = Sweep(study(**single), slots=2)
    assert sweep.start().done
    assert [record.settings["seed"] for record in sweep.records.values()] == [1, 2]
    assert sweep.roles() == {"replicate": 2}
    defaults = sweep.study.trial("vae", sweep.study.defaults("vae"), seed=0)
    assert {record.configuration for record in sweep.records.values()} == {defaults.configuration}


def searched_alone(status: str) -> Sweep:
    """A single configuration that was searched under seed 0, as earlier versions did."""
    sweep = Sweep(study(trials=1))
    trial = sweep.study.trial("vae", sweep.study.defaults("vae"), seed=0)
    history = [{"epoch": 2, "time": 0, METRIC: 0.5}]
    record = Record(trial.identity, trial.configuration, trial.settings(), "search", 0, status, history=history)
    sweep.records[trial.identity] = record
    return sweep


@pytest.mark.parametrize("status", [ledger.RUNNING, ledger.FINISHED])
def test_a_single_configuration_that_was_searched_once_ends_its_search_and_has_its_replicates(status: str) -> None:
    sweep = searched_alone(status)
    assert sweep.start().done
    assert {record.status for record in sweep.records.values()} == {ledger.FINISHED}
    assert sweep.roles() == {"search": 1, "replicate": 2}


def test_a_single_configuration_whose_search_failed_once_is_over() -> None:
    sweep = searched_alone(ledger.FAILED)
    assert sweep.start().done
    assert sweep.roles() == {"search": 1}


def test_a_single_configuration_that_gets_rivals_keeps_its_replicates() -> None:
    sweep = Sweep(study(trials=1, mode="max", space={"learning_rate": {"low": 1e-3, "high": 1e-2}}))
    sweep.start()
    before = list(sweep.ended)
    sweep.study = sweep.study.model_copy(update={"trials": 4})
    assert sweep.start().done
    assert sweep.ended[:2] == before
    assert sweep.roles() == {"search": 4, "replicate": 2}  # the smallest rate, its default, is the best


def test_a_grid_covers_the_product() -> None:
    sweep = Sweep(study(search="grid", trials=99, space={"latent": [20, 30], "batch_size": {"low": 50, "high": 200}}))
    sweep.start()
    points = sorted((settings["latent"], settings["batch_size"]) for settings in sweep.settings("search"))
    assert points == list(itertools.product([20, 30], [50, 100, 200]))


def test_finished_trials_are_complete_with_their_value() -> None:
    search = Sweep(study()).start()
    assert [trial.state for trial in told(search)] == [TrialState.COMPLETE] * 4
    assert [trial.value for trial in told(search)] == [
        -math.log(trial.params["learning_rate"]) for trial in told(search)
    ]


@pytest.mark.parametrize("restarted", [False, True])
def test_stopped_trials_are_pruned_with_all_their_reports(restarted: bool) -> None:
    sweep = Sweep(study(), outcome=lambda trial: (ledger.STOPPED if trial.latent == 20 else ledger.FINISHED, 0.5))
    search = sweep.start()
    search = sweep.start() if restarted else search
    assert [trial.state for trial in told(search)] == [TrialState.PRUNED] * 4
    assert [trial.intermediate_values for trial in told(search)] == [{2: 0.5, 4: 0.5, 6: 0.5}] * 4


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("outcome", [(ledger.FAILED, 1.0), (ledger.FAILED, math.nan), (ledger.FINISHED, math.nan)])
def test_trials_without_a_value_are_failed(outcome: Outcome, restarted: bool) -> None:
    sweep = Sweep(study(), outcome=lambda trial: outcome)
    search = sweep.start()
    search = sweep.start() if restarted else search
    assert [trial.state for trial in told(search)] == [TrialState.FAIL] * 4


@pytest.mark.parametrize("status", [ledger.FAILED, ledger.STOPPED])
def test_without_a_finished_trial_there_are_no_replicates_and_the_study_ends(status: str) -> None:
    sweep = Sweep(study(methods=["vae", "beta_vae"]), outcome=lambda trial: (status, 1.0))
    assert sweep.start().done
    assert sweep.roles() == sweep.roles("beta_vae") == {"search": 4}


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_never_the_best(value: float, restarted: bool) -> None:
    sweep = Sweep(study(), outcome=lambda trial: (ledger.FINISHED, value if trial.learning_rate == 1e-3 else 1.0))
    sweep.start(trials=4)
    if not restarted:
        sweep = Sweep(study(), outcome=sweep.outcome)
    sweep.start()
    assert 1e-3 not in [settings["learning_rate"] for settings in sweep.settings("replicate")]


def test_a_trial_whose_process_died_for_good_is_failed() -> None:
    search = StudySearch(study(trials=2), [])
    for number in ("0", "1"):
        search.suggest(number)
        search.on_trial_complete(number, error=True)
    assert [trial.state for trial in told(search)] == [TrialState.FAIL] * 2
    assert search.suggest("2") == Searcher.FINISHED


EXCEEDED = {"epoch": 2, METRIC: math.nan, "status": ledger.RUNNING, "done": True}


def measured(**keys: Any) -> tuple[StudySearch, GpuShares]:
    """A search whose branches have an eighth of a GPU each."""
    found = study(resources={"gpu": "auto"}, **keys)
    shares = GpuShares(found)
    for branch in found.branches:
        shares.assign(branch, 0.125)
    return StudySearch(found, [], shares=shares), shares


def test_a_trial_that_exceeded_its_share_of_a_gpu_comes_again_with_twice_that() -> None:
    search, _ = measured()
    first = search.suggest("0")
    search.on_trial_complete("0", EXCEEDED | {"exceeded": 0.125})
    again = search.suggest("1")
    assert (first["gpu"], again["gpu"]) == (0.125, 0.25)
    assert again["identity"] == first["identity"]
    assert search.suggest("2")["gpu"] == 0.25


def test_a_trial_that_exceeded_its_share_does_so_in_all_its_arms() -> None:
    search, shares = measured(methods=TWINS[:2], **TWO_SIZES)
    first = search.suggest("0")
    assert search.suggest("1")["identity"] != first["identity"]  # both arms have proposed both by now
    assert search.suggest("2") is None
    search.on_trial_complete("0", EXCEEDED | {"exceeded": 0.125})
    assert [shares[branch] for branch in search.searches] == [0.25, 0.25]
    assert search.suggest("3")["identity"] == first["identity"]
    assert search.suggest("4") is None


def test_a_trial_at_the_end_of_a_budget_may_come_again() -> None:
    search, _ = measured(budget={"trials": 1})
    first = search.suggest("0")
    assert search.suggest("1") is None
    search.on_trial_complete("0", EXCEEDED | {"exceeded": 0.125})
    assert search.suggest("2")["identity"] == first["identity"]
    search.on_trial_complete("2", {"epoch": 6, METRIC: 1.0, "status": ledger.FINISHED})
    assert search.suggest("3") == Searcher.FINISHED


def test_a_report_that_comes_twice_is_told_once() -> None:
    search = StudySearch(study(), [])
    search.suggest("0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for epoch in (2, 4, 2, 4, 6):
            search.on_trial_result("0", {"epoch": epoch, METRIC: float(epoch), "status": ledger.RUNNING})
    assert told(search)[0].intermediate_values == {2: 2.0, 4: 4.0, 6: 6.0}


def test_a_running_trial_comes_again_with_its_reports() -> None:
    trial = study().trial("vae", {"learning_rate": 5e-3}, seed=0)
    history = [{"epoch": 2, "time": 0, METRIC: 0.3}]
    record = Record(trial.identity, trial.configuration, trial.settings(), "search", 0, history=history)
    search = StudySearch(study(), [record])
    assert search.suggest("0")["identity"] == trial.identity
    assert told(search)[0].intermediate_values == {2: 0.3}


def test_a_running_replicate_comes_again_and_only_that() -> None:
    sweep = Sweep(study(seeds=3))
    sweep.start()
    seeds = {record.settings["seed"]: record for record in sweep.records.values() if record.role == "replicate"}
    seeds[2].status = ledger.RUNNING
    search = StudySearch(sweep.study, list(sweep.records.values()))
    assert search.suggest("0")["identity"] == seeds[2].identity
    assert search.suggest("1") is None


def test_equal_values_give_the_same_best_in_every_order_of_records() -> None:
    sweep = Sweep(study(seeds=1), outcome=lambda trial: (ledger.FINISHED, 1.0))
    sweep.start(trials=4)
    orders = itertools.permutations(sweep.records.values())
    bests = [BranchSearch(sweep.study, "vae", order).best() for order in orders]
    assert all(best == bests[0] != [] for best in bests)


@pytest.mark.parametrize(("kind", "outcome"), [("tpe", good), ("tpe", mixed), ("random", mixed), ("grid", mixed)])
def test_a_stop_after_any_trial_changes_nothing(kind: str, outcome: Callable[[Trial], Outcome]) -> None:
    stopped_after_any_trial(study(methods=["vae", "beta_vae"], trials=6, search=kind), outcome)


def stopped_after_any_trial(found: Study, outcome: Callable[[Trial], Outcome]) -> None:
    """Stop a sweep of the study after each of its trials in turn, and go on: all comes to the same."""
    whole = Sweep(found, outcome)
    whole.start()
    for stop in range(len(whole.ended)):
        sweep = Sweep(whole.study, outcome)
        sweep.start(trials=stop)
        assert sweep.start().done
        assert sweep.ended == whole.ended


@pytest.mark.parametrize("kind", ["tpe", "random", "grid"])
def test_kills_at_any_time_on_any_number_of_slots_lose_no_trial_and_repeat_none(kind: str) -> None:
    chance = random.Random(0)
    for _ in range(8):
        slots = chance.randint(1, 5)
        sweep = Sweep(study(methods=["vae", "beta_vae"], trials=9, search=kind), mixed, slots)
        while not (search := sweep.start(len(sweep.ended) + chance.randint(1, 8), chance)).done:
            continue
        assert len(set(sweep.ended)) == len(sweep.ended) == len(sweep.records)
        for method, mine in search.searches.items():
            assert sweep.roles(method) == {"search": mine.planned, "replicate": 2}


def population(**keys: Any) -> Study:
    return study(search="pbt", generations=3, **keys)


@pytest.mark.parametrize("outcome", [good, mixed])
def test_a_stop_after_any_trial_changes_nothing_of_a_population(outcome: Callable[[Trial], Outcome]) -> None:
    stopped_after_any_trial(population(), outcome)


def test_kills_at_any_time_on_any_number_of_slots_leave_a_population_as_it_is() -> None:
    whole = Sweep(population(methods=["vae", "beta_vae"]), mixed)
    whole.start()
    chance = random.Random(0)
    for _ in range(3):
        sweep = Sweep(whole.study, mixed, chance.randint(1, 5))
        while not (search := sweep.start(len(sweep.ended) + chance.randint(1, 8), chance)).done:
            continue
        assert len(set(sweep.ended)) == len(sweep.ended)
        assert sweep.records.keys() == whole.records.keys()
        assert {name: found.best() for name, found in search.searches.items()} == {
            name: found.best() for name, found in whole.start().searches.items()
        }
    assert sweep.roles() == sweep.roles("beta_vae") == {"member": 8, "search": 4, "replicate": 2}


def test_populations_of_two_arms_share_what_is_equal() -> None:
    arms = [{"name": name, "method": "vae"} for name in ("one", "other")]
    sweep = Sweep(population(methods=arms), slots=3)
    sweep.start()
    first = [record.identity for record in sweep.records.values() if record.settings["epochs"] == 2]
    assert len(first) == 2 * 4 - 1  # the defaults


def test_states_are_named_as_long_as_somebody_goes_on_from_them() -> None:
    named: list[frozenset[str]] = [frozenset()]
    search = StudySearch(population(), [], kept=named.append)
    numbers = map(str, itertools.count())
    while isinstance(config := search.suggest(number := next(numbers)), dict):
        assert config["parent"] in {"", *named[-1]}
        search.on_trial_complete(number, {"epoch": 2, METRIC: 1.0, "status": ledger.FINISHED})
    assert len(max(named, key=len)) > 4
    assert named[-1] == frozenset()


def test_a_long_random_search_continues_to_its_end() -> None:
    sweep = Sweep(study(search="random", trials=150, seeds=1))
    sweep.start(trials=100)
    sweep.start()
    assert sweep.roles() == {"search": 150, "replicate": 1}


def test_another_seed_of_the_study_searches_elsewhere() -> None:
    one, other = Sweep(study(search="random")), Sweep(study(search="random", seed=1))
    one.start()
    other.start()
    assert not set(one.ended[1:4]) & set(other.ended[1:4])


def test_tpe_tries_better_configurations_than_chance_does() -> None:
    def valley(trial: Trial) -> Outcome:
        return ledger.FINISHED, (math.log10(trial.learning_rate) + 2.3) ** 2 + (trial.latent - 40) ** 2 / 400

    def later(kind: str, seed: int) -> float:
        space = RATES | {"latent": {"low": 2, "high": 64, "log": False}}
        sweep = Sweep(study(search=kind, trials=24, seeds=1, seed=seed, space=space), valley)
        sweep.start()
        return statistics.mean(valley(checked(settings))[1] for settings in sweep.settings("search")[12:])

    # By chance, TPE would win for all of twelve seeds with probability 1 / 4096.
    assert all(later("tpe", seed) < later("random", seed) for seed in range(12))


TWO_SIZES: dict[str, Any] = {"space": {"latent": [2, 3]}, "trials": 2}
TWINS = [{"name": "plain", "method": "vae"}, {"name": "twin", "method": "vae"}, "beta_vae"]


def joined() -> tuple[dict[str, list[str]], Callable[[str, str], None]]:
    """Which arms proposed a trial, and what hears of it."""
    heard: dict[str, list[str]] = {}
    return heard, lambda identity, arm: heard.setdefault(identity, []).append(arm)


def test_a_trial_that_two_arms_propose_runs_once_and_both_hear_of_it() -> None:
    heard, hear = joined()
    search = StudySearch(study(methods=TWINS, seeds=1, **TWO_SIZES), [], hear)
    first, second, third = (search.suggest(number) for number in ("0", "1", "2"))
    assert [each["settings"]["method"] for each in (first, second, third)] == ["vae", "vae", "beta_vae"]
    assert heard[first["identity"]] == heard[second["identity"]] == ["plain", "twin"]
    search.on_trial_result("0", {"epoch": 2, METRIC: 0.5, "status": ledger.RUNNING})
    search.on_trial_complete("0", {"epoch": 6, METRIC: 0.4, "status": ledger.FINISHED})
    for name in ("plain", "twin"):
        assert told(search, name)[0].value == 0.4
        assert told(search, name)[0].intermediate_values == {2: 0.5, 6: 0.4}


def test_an_arm_takes_over_a_trial_that_is_over() -> None:
    sweep = Sweep(study(methods=["vae"], seeds=1, **TWO_SIZES))
    sweep.start()
    heard, hear = joined()
    search = StudySearch(study(methods=["vae", TWINS[1]], seeds=1, **TWO_SIZES), list(sweep.records.values()), hear)
    assert search.suggest("0") == Searcher.FINISHED
    assert search.done
    assert set(heard) == set(sweep.records)
    assert [trial.state for trial in told(search, "twin")] == [TrialState.COMPLETE] * 2


def test_a_trial_that_fails_fails_in_all_its_arms() -> None:
    search = StudySearch(study(methods=TWINS[:2], **TWO_SIZES), [])
    for number in ("0", "1"):
        search.suggest(number)
        search.on_trial_complete(number, error=True)
    assert search.suggest("2") == Searcher.FINISHED
    assert [trial.state for name in ("plain", "twin") for trial in told(search, name)] == [TrialState.FAIL] * 4


def test_arms_with_settings_of_their_own_are_searched_apart() -> None:
    arms = [{"name": "small", "method": "vae", "latent": 2}, {"name": "large", "method": "vae", "latent": 30}]
    sweep = Sweep(study(methods=arms))
    assert sweep.start().done
    found = [record.settings for record in sweep.records.values()]
    latents = Counter((settings["latent"], settings["seed"] > 0) for settings in found)
    assert latents == {(2, False): 4, (2, True): 2, (30, False): 4, (30, True): 2}


def test_every_data_set_has_a_search_of_its_own() -> None:
    sweep = Sweep(study(data=["digits", "usps"], trials=2, seeds=1))
    sweep.start()
    counts = Counter((record.settings["data"], record.role) for record in sweep.records.values())
    assert counts == {(data, role): n for data in ("digits", "usps") for role, n in (("search", 2), ("replicate", 1))}


TWO = {"metric": [METRIC, "valid/rate"], "mode": ["min", "max"], "early_stopping": None}


@dataclass
class Several(Sweep):
    """A study with two metrics: the outcome's, and the size of the code."""

    def _end(self, search: StudySearch, number: str, config: dict[str, Any]) -> None:
        record, trial = self.records[config["identity"]], checked(config["settings"])
        status, value = self.outcome(trial)
        metrics = {METRIC: value, "valid/rate": float(trial.latent)}
        record.history.append({"epoch": 6, "time": 0} | metrics)
        record.status = status
        search.on_trial_complete(number, {"epoch": 6, "status": status} | metrics)
        self.ended.append(record.identity)


def several(**keys: Any) -> Study:
    given = {"space": RATES | {"latent": {"low": 2, "high": 64}}, "trials": 12}
    return study(**TWO | given | keys)


def slower(trial: Trial) -> Outcome:
    """All trials finish; a smaller learning rate is better."""
    return ledger.FINISHED, math.log(trial.learning_rate)


def test_of_several_metrics_the_configurations_on_the_front_are_replicated() -> None:
    sweep = Several(several(front=99), slower)
    sweep.start()
    tried = [(settings["learning_rate"], settings["latent"]) for settings in sweep.settings("search")]
    unbeaten = {one for one in tried if not any(o != one and o[0] <= one[0] and o[1] >= one[1] for o in tried)}
    replicated = [(settings["learning_rate"], settings["latent"]) for settings in sweep.settings("replicate")]
    assert set(replicated) == unbeaten
    assert len(replicated) == 2 * len(unbeaten)


def test_no_more_of_a_front_is_replicated_than_the_study_says() -> None:
    # The smaller the code, the better by one metric and the worse by the other: all are on the front.
    sweep = Several(several(front=2, search="random"), outcome=lambda trial: (ledger.FINISHED, float(trial.latent)))
    sweep.start()
    assert sweep.roles() == {"search": 12, "replicate": 4}


@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_a_stop_changes_nothing_of_a_study_with_several_metrics(kind: str) -> None:
    whole = Several(several(search=kind), slower)
    whole.start()
    for stop in (5, 11):
        sweep = Several(whole.study, slower)
        sweep.start(trials=stop)
        assert sweep.start().done
        assert sweep.ended == whole.ended


def test_a_gaussian_process_draws_after_a_stop_what_it_would_have_drawn() -> None:
    whole = Sweep(study(search="gp", trials=4, seeds=1))
    whole.start()
    sweep = Sweep(whole.study)
    sweep.start(trials=3)
    assert sweep.start().done
    assert sweep.ended == whole.ended


def test_the_genetic_search_has_generations() -> None:
    search = Sweep(study(search="nsga2", trials=16, seeds=1)).start()
    generations = Counter(trial.system_attrs["NSGAIISampler:generation"] for trial in told(search))
    assert generations == {0: 4, 1: 4, 2: 4, 3: 4}


def test_a_budget_of_trials_begins_no_more_than_it_has() -> None:
    search = StudySearch(study(methods=["vae", "beta_vae"], budget={"trials": 5}), [])
    configs = [search.suggest(str(number)) for number in range(7)]
    assert [isinstance(config, dict) for config in configs] == [True] * 5 + [False] * 2
    assert configs[-1] == Searcher.FINISHED
    assert not search.done


def test_trials_that_were_begun_go_on_though_the_budget_has_no_more() -> None:
    small = study(budget={"trials": 2})
    trials = [small.trial("vae", {"learning_rate": rate}, seed=0) for rate in (1e-3, 5e-3)]
    records = [
        Record(trial.identity, trial.configuration, trial.settings(), "search", place)
        for place, trial in enumerate(trials)
    ]
    search = StudySearch(small, records)
    assert [search.suggest("0")["identity"], search.suggest("1")["identity"]] == [trial.identity for trial in trials]
    assert search.suggest("2") == Searcher.FINISHED


def test_a_population_goes_on_where_its_budget_ended() -> None:
    whole = Sweep(population())
    whole.start()
    sweep = Sweep(population(budget={"trials": 6}))
    assert not sweep.start(trials=6).done
    assert len(sweep.records) == 6
    sweep.study = whole.study
    assert sweep.start().done
    assert sweep.ended == whole.ended

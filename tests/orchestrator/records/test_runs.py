"""Studies read back from a real MLflow store."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from methods.core.errors import BadInput
from orchestrator.records import runs
from orchestrator.records.runs import StudyRuns, TrialRun


def trial(identity: str, start: int, *, outcome: str = "finished", configuration: str = "c") -> TrialRun:
    return TrialRun(
        run_id=f"run-{identity}-{start}",
        method="vae",
        role="replicate",
        identity=identity,
        configuration=configuration,
        seed=1,
        outcome=outcome,
        status="FINISHED" if outcome == "finished" else "KILLED",
        params={},
        metrics={},
        start=start,
        end=start + 1500,
    )


def study(*trials: TrialRun) -> StudyRuns:
    return StudyRuns("s", "valid/elbo", "max", "p", "0", 0, trials=trials)


def test_the_latest_study_run_is_read_with_its_own_trials_alone(store) -> None:
    found = runs.read("complete", store.uri)

    assert found.parent_run_id == store.complete
    assert len(found.trials) == 3 * 2 + 2 + 3 * 3
    assert all(trial.metrics.get("test/bce") != 999.0 for trial in found.trials)


def test_a_trial_has_its_settings_metrics_and_time(store) -> None:
    found = runs.read("complete", store.uri)
    first = found.replicates("beta_vae")[0]

    assert (first.method, first.role, first.seed, first.outcome) == ("beta_vae", "replicate", 1, "finished")
    assert first.params["beta"] == "4.0"
    assert first.metrics["test/bce"] == 20.0
    assert first.seconds == 10.0


def test_the_study_says_what_chose_and_how_many_replicates_were_planned(store) -> None:
    found = runs.read("complete", store.uri)

    assert (found.metric, found.mode, found.planned) == ("valid/elbo", "max", 3)
    assert found.arms == ["ae", "beta_vae", "vae"]


def test_all_pages_are_read(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_PAGE", 2)

    assert len(runs.read("complete", store.uri).trials) == 17


def test_the_best_of_the_search_is_finished_however_well_a_stopped_trial_began(store) -> None:
    best = runs.read("complete", store.uri).best_search("vae")

    assert best is not None
    assert best.metrics["valid/elbo"] == -25.0


def test_a_history_goes_by_epoch(store) -> None:
    one = runs.read("complete", store.uri).replicates("vae")[0]

    assert runs.history(store.client, one.run_id, "valid/elbo") == {1: -29.0, 2: -23.0, 3: -21.0, 4: -20.0}


def test_infinity_comes_back_as_infinity(store) -> None:
    run = store.client.create_run(store.client.get_experiment_by_name("no_study").experiment_id).info.run_id
    store.client.log_metric(run, "valid/elbo", -math.inf, step=1)

    assert runs.history(store.client, run, "valid/elbo") == {1: -math.inf}


def test_an_unknown_study_is_named_with_the_nearest(store) -> None:
    with pytest.raises(BadInput, match="unknown study 'complet': did you mean 'complete'"):
        runs.read("complet", store.uri)


def test_an_experiment_without_a_study_is_refused(store) -> None:
    with pytest.raises(BadInput, match="the MLflow experiment 'no_study' holds no study"):
        runs.read("no_study", store.uri)


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mlflow\.db"):
        runs.read("complete", f"sqlite:///{tmp_path}/mlflow.db")

    assert list(tmp_path.iterdir()) == []


def test_replicates_are_of_one_configuration() -> None:
    mixed = study(trial("a", 1, configuration="old"), *(trial(name, 2, configuration="new") for name in "bc"))

    assert [one.identity for one in mixed.replicates("vae")] == ["b", "c"]


def test_replicates_that_did_not_finish_do_not_count() -> None:
    assert study(trial("a", 1, outcome="interrupted"), trial("b", 2, outcome="failed: x")).replicates("vae") == []


def test_a_trial_with_two_runs_counts_once_and_as_finished() -> None:
    doubled = [trial("a", 1), trial("a", 2, outcome="interrupted"), trial("b", 3), trial("b", 4)]

    assert [(one.identity, one.start) for one in runs._one_each(doubled)] == [("a", 1), ("b", 4)]

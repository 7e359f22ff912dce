"""The table of what the search did for every method."""

from __future__ import annotations

from orchestrator.comparison.configurations import configurations
from orchestrator.comparison.rows import rows
from orchestrator.records.runs import StudyRuns, TrialRun


def trial(role: str, identity: str, epochs: int, elbo: float) -> TrialRun:
    earlier = "2:beta=1.0747414762735155,learning_rate=1.2345678901e-05 4:batch_size=100"
    params = {"method": "beta_vae", "data": "digits", "epochs": str(epochs), "earlier": earlier, "seed": "0"}
    metrics = {"valid/elbo": elbo, "test/elbo": elbo}
    return TrialRun(identity, "beta_vae", role, identity, identity, 0, "finished", "FINISHED", params, metrics, 0, 1000)


def test_of_a_population_the_last_generation_was_tried_and_its_past_is_rounded() -> None:
    trials = (trial("member", "a", 3, -1.0), trial("search", "b", 6, -2.0), trial("search", "c", 6, -3.0))
    study = StudyRuns("s", "valid/elbo", "max", "p", "0", 0, trials=trials)
    _, best, tried, *_ = (cell.text for cell in configurations(study, rows(study)).rows[0])
    assert tried == "2"
    assert best == "epochs=6"


def test_what_settings_were_earlier_is_rounded() -> None:
    trials = (trial("search", "b", 6, -2.0), trial("search", "c", 7, -3.0))
    study = StudyRuns("s", "valid/elbo", "max", "p", "0", 0, trials=trials)
    caption = configurations(study, rows(study)).caption
    assert "earlier=2:beta=1.075,learning_rate=1.235e-05 4:batch_size=100" in caption

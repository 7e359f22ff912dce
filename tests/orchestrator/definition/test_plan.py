"""What a study would run."""

from __future__ import annotations

import pytest
import torch

from methods.core.errors import BadInput
from orchestrator.definition import plan
from orchestrator.definition.study import Study
from pipelines.datasets.dataset import Dataset

STUDY = Study(
    data="digits",
    methods=["vae", "beta_vae"],
    trials=4,
    seeds=2,
    fixed={"network": "mlp", "latent": 2, "epochs": 3},
)


def test_every_method_has_its_number_of_trials_and_its_space(digits: Dataset) -> None:
    vae, beta_vae = plan.plan(STUDY, {"digits": digits})
    assert (vae.branch, vae.trials, vae.space) == ("vae", 2, {})  # nothing to choose: replicates alone
    assert (beta_vae.branch, beta_vae.trials, set(beta_vae.space)) == ("beta_vae", 4 + 2, {"beta"})


def test_longer_trials_take_longer(digits: Dataset) -> None:
    longer = STUDY.model_copy(update={"fixed": STUDY.fixed | {"epochs": 3000}})
    assert plan.plan(longer, {"digits": digits})[0].seconds > 10 * plan.plan(STUDY, {"digits": digits})[0].seconds


def test_members_of_a_population_are_timed_by_their_own_part(digits: Dataset) -> None:
    fixed = STUDY.fixed | {"epochs": 3000}
    keys = STUDY.model_dump(exclude_defaults=True) | {"methods": ["beta_vae"], "fixed": fixed}
    whole = plan.plan(Study.model_validate(keys), {"digits": digits})[0]
    parts = plan.plan(Study.model_validate(keys | {"search": "pbt"}), {"digits": digits})[0]
    assert (whole.trials, parts.trials) == (4 + 2, 4 * 5 + 2)
    assert parts.trials * parts.seconds < 2 * whole.trials * whole.seconds


def test_a_metric_that_a_method_does_not_have_is_refused_with_those_it_has(digits: Dataset) -> None:
    with pytest.raises(BadInput, match=r"vae on digits has no metric 'valid/purity': choose .* valid/knn_purity"):
        plan.check(STUDY.model_copy(update={"metric": "valid/purity"}), {"digits": digits})


def test_a_method_that_does_not_suit_the_data_is_refused(digits: Dataset) -> None:
    with pytest.raises(BadInput, match="lambda_hot_vae needs latent >= the number of classes"):
        plan.check(STUDY.model_copy(update={"methods": ["lambda_hot_vae"]}), {"digits": digits})


def test_the_number_of_threads_is_left_as_it_was(digits: Dataset) -> None:
    before = torch.get_num_threads()
    several = STUDY.resources.model_copy(update={"cpu": 3})
    plan.check(STUDY.model_copy(update={"resources": several}), {"digits": digits})
    assert torch.get_num_threads() == before


def test_more_clusters_than_the_rows_that_are_tried_are_no_mistake(digits: Dataset) -> None:
    fixed = STUDY.fixed | {"clusters": 150}
    plan.check(STUDY.model_copy(update={"methods": ["kmeans_vae"], "fixed": fixed}), {"digits": digits})


def test_more_clusters_than_rows_are_a_mistake(digits: Dataset) -> None:
    fixed = STUDY.fixed | {"clusters": 5000}
    with pytest.raises(BadInput, match="clusters must be at most the number of rows"):
        plan.check(STUDY.model_copy(update={"methods": ["kmeans_vae"], "fixed": fixed}), {"digits": digits})

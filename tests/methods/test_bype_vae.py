from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

import methods
from methods.core.base import Data, Method, Split
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _data(digits: Dataset, rows: int = 300) -> Data:
    grey = digits.data.train.grey[:rows].double()
    split = Split(grey, grey)
    return Data(split, split, split)


def _method(data: Data, latent: int = 3, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=len(data.train), classes=0, likelihood="bernoulli")
    method = methods.build("bype_vae", domain, latent, **({"components": 20} | hyper)).double()
    with torch.no_grad():
        method.eval().start_epoch(0, data)
    return method.train()


def _at(method: Method, epoch: int, data: Data) -> None:
    with torch.no_grad():
        method.eval().start_epoch(epoch, data)
    method.train()


def _weighted(method: Method) -> Method:
    """With other weights than equal ones, one of them zero."""
    weights = torch.arange(len(method.weights)).double()
    method.weights.copy_(weights / weights.sum())
    return method


def _log_prior(method: Method, z: np.ndarray, variance: float) -> np.ndarray:
    with torch.no_grad():
        means = method.encoder(method.points)[:, : z.shape[1]].numpy()
    logs = -0.5 * cdist(z, means, "sqeuclidean") / variance - 0.5 * z.shape[1] * math.log(2 * math.pi * variance)
    return logsumexp(logs, axis=1, b=method.weights.numpy())


def test_the_prior_is_the_weighted_mixture_around_the_codes_of_the_coreset(digits: Dataset) -> None:
    method = _weighted(_method(_data(digits), variance=0.5))
    z = torch.randn(6, 3).double()
    np.testing.assert_allclose(method.prior().log_prob(z).detach(), _log_prior(method, z.numpy(), 0.5))


def test_the_rate_is_under_that_prior_at_the_sampled_code(digits: Dataset) -> None:
    data = _data(digits)
    method, batch = _weighted(_method(data)), data.train[torch.arange(7)]
    torch.manual_seed(1)
    found = method.loss(batch)["rate"].item()
    torch.manual_seed(1)
    posterior = method.posterior(batch.x)
    z = posterior.rsample().detach().numpy()
    expected = -posterior.entropy().detach().numpy() - _log_prior(method, z, 1.0)
    assert found == pytest.approx(expected.mean())


def test_the_prior_integrates_to_one(digits: Dataset) -> None:
    method = _weighted(_method(_data(digits), latent=2))
    axis = torch.arange(-12, 12, 0.1).double()
    density = method.prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.1**2 == pytest.approx(1, abs=1e-4)


def test_components_are_drawn_by_their_weights(digits: Dataset) -> None:
    method = _weighted(_method(_data(digits), components=5))
    counts = method.prior().sample_components(20_000).bincount(minlength=5)
    assert counts[0] == 0
    # A chi-squared test at 1e-6.
    assert stats.chisquare(counts[1:], 2000.0 * torch.arange(1, 5)).pvalue > 1e-6


def test_the_coreset_starts_as_distinct_rows_of_equal_weights(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, components=30)
    known = {tuple(row.flatten().tolist()) for row in data.train.grey}
    found = {tuple(row.flatten().tolist()) for row in method.points}
    assert len(found) == 30
    assert found <= known
    assert torch.equal(method.weights, torch.full((30,), 1 / 30).to(method.weights))


@pytest.mark.parametrize(("epoch", "moves"), [(1, False), (3, False), (4, True), (5, False), (8, True)])
def test_the_coreset_moves_every_few_epochs(digits: Dataset, epoch: int, moves: bool) -> None:
    data = _data(digits, rows=120)
    method = _method(data, coreset_epochs=4)
    before = method.points.clone(), method.weights.clone()
    _at(method, epoch, data)
    assert torch.equal(method.points, before[0]) is not moves
    assert torch.equal(method.weights, before[1]) is not moves


@pytest.mark.parametrize("step", [0.1, 10.0])
def test_a_coreset_that_moved_is_of_data_with_weights_that_sum_to_one(digits: Dataset, step: float) -> None:
    data = _data(digits)
    method = _method(data, coreset_step=step)
    _at(method, 10, data)
    assert 0 <= method.points.min() <= method.points.max() <= 1
    assert method.weights.min() >= 0
    assert method.weights.sum().item() == pytest.approx(1)
    assert method.prior().log_prob(torch.zeros(1, 3).double()).isfinite()


def test_passes_bring_a_poor_coreset_nearer_to_the_data(digits: Dataset) -> None:
    """Three rows stand for 300. What counts is how well the coreset ranks codes drawn from its own prior."""
    data = _data(digits)
    method = _method(data, components=3, coreset_draws=400)
    before = _disagreement(method, data)
    for epoch in (10, 20, 30, 40):
        _at(method, epoch, data)
    assert _disagreement(method, data) < 0.5 * before


@torch.no_grad()
def _disagreement(method: Method, data: Data) -> float:
    """Variance over codes of what the coreset says of them less what all rows say, log-likelihoods summed up."""
    torch.manual_seed(5)
    z = method.prior().sample(torch.Size([400]))

    def say(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return method.decoder.log_prob_of_each(x.unsqueeze(0).expand(400, *x.shape), z) @ weights

    rows = len(data.train)
    everything = say(data.train.x, torch.ones(rows).double())
    return (say(method.points, rows * method.weights) - everything).var().item()


def test_steps_shrink_from_pass_to_pass(digits: Dataset) -> None:
    data = _data(digits)
    distances = []
    for epoch in (10, 90):
        torch.manual_seed(0)
        method = _method(data, coreset_step=0.01)
        before = method.points.clone()
        _at(method, epoch, data)
        distances.append((method.points - before).abs().max().item())
    # The first pass goes at most 1 + 1/2 + 1/3 steps, the ninth 1/25 + 1/26 + 1/27 of one.
    assert distances[0] == pytest.approx(0.01 * (1 + 1 / 2 + 1 / 3), rel=0.2)
    assert distances[1] == pytest.approx(0.01 * (1 / 25 + 1 / 26 + 1 / 27), rel=0.2)


def test_a_step_of_zero_keeps_the_rows(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, coreset_step=0.0)
    before = method.points.clone()
    _at(method, 10, data)
    assert torch.equal(method.points, before)


def test_the_networks_are_trained_and_the_coreset_is_not(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, learn_variance=True)
    names = dict(method.named_parameters())
    assert "log_variance" in names
    assert not {"points", "weights"} & set(names)
    gradients = torch.autograd.grad(method.loss(data.train[torch.arange(9)])["rate"], list(method.encoder.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_coreset_of_all_rows_is_the_exemplar_prior(digits: Dataset) -> None:
    data = _data(digits, rows=40)
    method = _method(data, components=5000)
    exemplar = methods.build(
        "exemplar_vae", networks.build("mlp", event=(1, 8, 8), rows=40, classes=0, likelihood="bernoulli"), 3
    ).double()
    exemplar.encoder.load_state_dict(method.encoder.state_dict())
    with torch.no_grad():
        exemplar.eval().start_epoch(0, data)
    z = torch.randn(10, 3).double()
    torch.testing.assert_close(method.prior().log_prob(z), exemplar.prior().log_prob(z))


def test_a_trial_with_passes_learns_and_can_be_continued(digits: Dataset) -> None:
    settings = {"data": "digits", "method": "bype_vae", "network": "mlp", "latent": 4, "epochs": 3}
    hyper = {"coreset_epochs": 1, "components": 50, "coreset_draws": 50}
    whole = Training(trial(settings | hyper), digits, torch.device("cpu"))
    terms = [whole.epoch()["train/reconstruction"] for _ in range(3)]
    assert terms[2] < terms[0]
    first = Training(trial(settings | hyper), digits, torch.device("cpu"))
    for _ in range(2):
        first.epoch()
    state = first.state_dict()
    second = Training(trial(settings | hyper), digits, torch.device("cpu"))
    second.load_state_dict(state)
    second.epoch()
    expected = whole.method.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in second.method.state_dict().items())

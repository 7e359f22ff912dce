from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

import methods
from methods.core.base import Batch, Data, Method, Split
from methods.core.codes import encode
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.neighbors import knn_purity
from pipelines.training import Training
from pipelines.trial import trial

FORMS = pytest.mark.parametrize("form", ["near", "full"])


def _data(digits: Dataset, rows: int = 40) -> Data:
    grey = digits.data.train.grey[:rows].double()
    split = Split(grey, grey, redraw=True)
    return Data(split, split, split)


def _method(data: Data, latent: int = 3, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=len(data.train), classes=0, likelihood="bernoulli")
    method = methods.build("exemplar_vae", domain, latent, **hyper).double()
    with torch.no_grad():
        method.eval().start_epoch(0, data)
    return method.train()


def _log_mean(z: np.ndarray, means: np.ndarray, variance: float, own: list[int]) -> np.ndarray:
    """log (1/m) sum_j N(z; mean_j, variance I) over the m components that are not the row's own, one by one."""
    logs = -0.5 * cdist(z, means, "sqeuclidean") / variance - 0.5 * z.shape[1] * math.log(2 * math.pi * variance)
    rows = [logsumexp(np.delete(row, mine)) - math.log(len(row) - 1) for row, mine in zip(logs, own, strict=True)]
    return np.array(rows)


@FORMS
def test_the_rate_leaves_the_row_itself_out_of_its_prior(digits: Dataset, form: str) -> None:
    data = _data(digits)
    method = _method(data, form=form, variance=0.5)
    batch = data.train[torch.tensor([3, 0, 17])]
    torch.manual_seed(1)
    found = method.loss(batch)["rate"].item()
    torch.manual_seed(1)
    posterior = method.posterior(batch.x)
    z = posterior.rsample().detach().numpy()
    expected = -posterior.entropy().detach().numpy() - _log_mean(z, encode(method, data.train).numpy(), 0.5, [3, 0, 17])
    assert found == pytest.approx(expected.mean())


@FORMS
def test_in_training_the_prior_has_so_many_components_and_in_evaluation_all(digits: Dataset, form: str) -> None:
    data = _data(digits)
    method, batch = _method(data, form=form, components=5), data.train[torch.arange(4)]
    rates = {_rate_at_one_code(method, batch) for _ in range(3)}
    assert len(rates) == 3
    method.eval()
    assert len({_rate_at_one_code(method, batch) for _ in range(3)}) == 1


def _rate_at_one_code(method: Method, batch: Batch) -> float:
    """The rate with the same noise in the codes, and whatever is drawn after them."""
    state = torch.get_rng_state()
    torch.manual_seed(1)
    posterior = method.posterior(batch.x)
    z = posterior.rsample()
    torch.set_rng_state(state)
    torch.rand(1)
    with torch.no_grad():
        return (-posterior.entropy() - method._log_prior(z, batch.index)).mean().item()


def test_near_and_full_have_the_same_value_and_the_same_gradient_of_the_code(digits: Dataset) -> None:
    data = _data(digits)
    values, gradients = [], []
    for form in ("near", "full"):
        torch.manual_seed(0)
        method = _method(data, form=form)
        z = torch.linspace(-1, 1, 12).double().view(4, 3).requires_grad_()
        value = method._log_prior(z, torch.arange(4))
        values.append(value)
        gradients.append(torch.autograd.grad(value.sum(), z)[0])
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(gradients[0], gradients[1])


@FORMS
def test_the_exemplars_teach_the_encoder(digits: Dataset, form: str) -> None:
    data = _data(digits)
    method = _method(data, form=form)
    value = method._log_prior(torch.zeros(4, 3).double(), torch.arange(4)).sum()
    gradients = torch.autograd.grad(value, list(method.encoder.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_encoded_exemplars_bring_their_means_up_to_date(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data)
    stale = method.get_buffer("means").clone()
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.mul_(1.01)
    method.loss(data.train[torch.arange(10)])
    moved = method.get_buffer("means").ne(stale).any(1)
    assert 0 < moved.sum() <= 10
    torch.testing.assert_close(method.get_buffer("means")[moved], encode(method, data.train)[moved])


@FORMS
def test_the_prior_in_evaluation_is_around_todays_codes_of_all_training_rows(digits: Dataset, form: str) -> None:
    data = _data(digits)
    method = _method(data, form=form, variance=2.0)
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.mul_(1.1)
        found = method.eval().prior().log_prob(torch.ones(2, 3).double())
    means = np.vstack([encode(method, data.train).numpy(), np.zeros((1, 3))])
    np.testing.assert_allclose(found, _log_mean(np.ones((2, 3)), means, 2.0, [40, 40]))


def test_the_finished_prior_needs_no_rows(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data)
    with torch.no_grad():
        method.eval().finish(data)
    torch.testing.assert_close(method.get_buffer("means"), encode(method, data.train))
    assert torch.equal(method.prior().means, method.get_buffer("means"))


def test_the_prior_integrates_to_one(digits: Dataset) -> None:
    method = _method(_data(digits), latent=2).eval()
    axis = torch.arange(-12, 12, 0.1).double()
    density = method.prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.1**2 == pytest.approx(1, abs=1e-4)


@FORMS
def test_a_learned_variance_is_taught_by_the_rate(digits: Dataset, form: str) -> None:
    """Against a central difference of the rate, in double precision."""
    data = _data(digits)
    method, z = _method(data, form=form, learn_variance=True), torch.randn(4, 3).double()

    def value() -> torch.Tensor:
        return method._log_prior(z, torch.arange(4)).sum()

    (gradient,) = torch.autograd.grad(value(), method.get_parameter("log_variance"))
    with torch.no_grad():
        ends = []
        for step in (1e-4, -2e-4):
            method.get_parameter("log_variance").add_(step)
            ends.append(value().item())
    assert gradient.item() == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-5)


def test_a_fixed_variance_is_no_parameter(digits: Dataset) -> None:
    assert "log_variance" not in dict(_method(_data(digits)).named_parameters())


def test_training_brings_rows_of_one_class_together(digits: Dataset) -> None:
    settings = {
        "data": "digits",
        "method": "exemplar_vae",
        "network": "mlp",
        "latent": 10,
        "epochs": 12,
        "learning_rate": 4e-3,
    }
    training = Training(trial(settings), digits, torch.device("cpu"))
    purity = [knn_purity(encode(training.method, digits.data.valid), digits.data.valid.y)]
    while not training.done:
        training.epoch()
    purity.append(knn_purity(encode(training.method.eval(), digits.data.valid), digits.data.valid.y))
    assert purity[1] > purity[0] + 10

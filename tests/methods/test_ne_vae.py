from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Decoder, Domain, Method
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


class Blind(nn.Module):
    """Statistics that are the same for every x: means zero, and free log-variances."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(outputs // 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(self.log_variance), self.log_variance]).expand(len(x), -1)


class Constant(Decoder):
    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return 0 * z.sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return z[:, :1]

    def sample(self, z: Tensor) -> Tensor:
        return self.mean(z)


@dataclass(frozen=True)
class Blindfold(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return Blind(outputs)

    def decoder(self, code: int) -> Decoder:
        return Constant()


def _method(latent: int = 4, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("ne_vae", domain, latent, **hyper).double()


def _batch(digits: Dataset, rows: int = 30) -> Batch:
    x = digits.data.train.x[:rows].double()
    return Batch(x, x, torch.arange(rows))


@pytest.mark.parametrize(
    ("reencoded", "reduction", "variance", "floor"),
    [
        ("sample", "sum", 1 / 5, 12.95),
        ("mean", "sum", 1 / 3, 6.91),
        ("sample", "mean", 1 / (1 + 4 / 32), 0.11),
        ("mean", "mean", 1 / (1 + 2 / 32), 0.03),
    ],
)
def test_a_collapsed_code_of_32_dimensions_cannot_have_a_smaller_rate_than_the_floor(
    reencoded: str, reduction: str, variance: float, floor: float
) -> None:
    domain = Blindfold((1,), rows=1)
    method = methods.build("ne_vae", domain, 32, reencoded=reencoded, reduction=reduction, annealing_epochs=0).double()
    log_variance = method.get_parameter("encoder.log_variance")
    log_variance.data.fill_(math.log(variance))
    x = torch.zeros(20_000, 1).double()
    terms = method.loss(Batch(x, x, torch.arange(len(x))))
    (gradient,) = torch.autograd.grad(terms["rate"] + terms["reencoding"], log_variance)
    assert terms["rate"].item() == pytest.approx(floor, abs=0.005)
    # It is the smallest: the gradient vanishes. Its spread over 32 equal dimensions gives its standard error.
    assert gradient.mean().abs() < 5 * gradient.std() / math.sqrt(32)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_squared_errors_are_those_of_codes_of_the_reconstruction(digits: Dataset, reduction: str) -> None:
    method, batch = _method(reencoded="mean", reduction=reduction, weight=3.0), _batch(digits)
    torch.manual_seed(5)
    found = method.loss(batch)["reencoding"].item()
    torch.manual_seed(5)
    z = method.posterior(batch.x).rsample()
    again = method.encoder(method.decode(z))[:, :4]
    squares = ((z - again) ** 2).detach().numpy()
    expected = 3 * (squares.sum(1).mean() if reduction == "sum" else squares.mean())
    assert found == pytest.approx(expected)


def test_a_sampled_code_adds_its_variance_to_the_squared_error(digits: Dataset) -> None:
    batch = _batch(digits, rows=1)
    x = batch.x.expand(40_000, -1, -1, -1)
    many = Batch(x, x, torch.arange(len(x)))
    torch.manual_seed(1)
    sampled, method = [], _method(reencoded="sample")
    for chosen in (True, False):
        method.sampled = chosen
        torch.manual_seed(2)
        sampled.append(method.loss(many)["reencoding"].item())
    torch.manual_seed(2)
    z = method.posterior(many.x).rsample()
    variance = method.posterior(method.decode(z)).variance.sum(1).mean().item()
    # The variances are near 1, so 4 dimensions spread by about 4 a row: five standard errors of 40,000 rows.
    assert sampled[0] - sampled[1] == pytest.approx(variance, abs=5 * 4 / 200)


@pytest.mark.parametrize("cap", [5.0, 1.2, 0.0, -3.0])
def test_log_probabilities_count_only_where_they_reach_the_cap(digits: Dataset, cap: float) -> None:
    method, batch = _method(variant="lp", cap=cap), _batch(digits)
    torch.manual_seed(5)
    found = method.loss(batch)["reencoding"].item()
    torch.manual_seed(5)
    z = method.posterior(batch.x).rsample()
    again = method.posterior(method.decode(z))
    surprise = -stats.norm.logpdf(z.detach(), again.mean.detach(), again.stddev.detach())
    assert found == pytest.approx(np.where(cap > surprise, 0, surprise).sum(1).mean())


def test_the_hinge_has_the_gradient_of_the_cap_without_its_jump(digits: Dataset) -> None:
    method, batch = _method(cap=1.2), _batch(digits)
    values, gradients = [], []
    for variant in ("lp", "lp_hinge"):
        method.variant = variant
        torch.manual_seed(5)
        values.append(method.loss(batch)["reencoding"])
        gradients.append(torch.autograd.grad(values[-1], list(method.encoder.parameters())))
    torch.testing.assert_close(gradients[0], gradients[1])
    active = (values[0] - values[1]) / 1.2 * len(batch)
    # The values differ by the cap for each of the entries that count.
    assert active.item() == pytest.approx(round(active.item()), abs=1e-6)
    assert 0 < active < 30 * 4


def test_a_cap_that_nothing_reaches_leaves_the_vae(digits: Dataset) -> None:
    method, batch = _method(variant="lp", cap=1e6, annealing_epochs=0), _batch(digits)
    vae = methods.build(
        "vae", networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli"), 4
    ).double()
    vae.load_state_dict({name: value for name, value in method.state_dict().items() if name != "rate_weight"})
    terms = []
    for each in (method, vae):
        torch.manual_seed(3)
        terms.append(each.loss(batch))
    assert terms[0].pop("reencoding") == 0
    torch.testing.assert_close(terms[0], terms[1])


def test_the_variance_control_is_the_expected_square_of_codes_with_equal_means() -> None:
    method = methods.build("ne_vae", Blindfold((1,), rows=1), 3).double()
    method.get_parameter("encoder.log_variance").data.copy_(torch.tensor([-1.0, 0.0, 1.0]))
    x = torch.zeros(100_000, 1).double()
    batch = Batch(x, x, torch.arange(len(x)))
    squares = method.loss(batch)["reencoding"].item()
    method.variant = "variance"
    expected = 2 * (math.exp(-1) + 1 + math.e)
    assert method.loss(batch)["reencoding"].item() == pytest.approx(expected)
    # A square of variance v has standard deviation 2 sqrt(2) sigma^2 each: below 9 together.
    assert squares == pytest.approx(expected, abs=5 * 9 / math.sqrt(100_000))


@pytest.mark.parametrize(("epoch", "weight"), [(0, 0.2), (5, 1.1), (10, 2.0), (50, 2.0)])
def test_the_weight_of_the_rate_grows_in_a_line_to_beta(digits: Dataset, epoch: int, weight: float) -> None:
    method = _method(beta=2.0)
    method.start_epoch(epoch, digits.data)
    assert method.get_buffer("rate_weight").item() == pytest.approx(weight)


def test_gradients_of_the_penalty_reach_the_decoder(digits: Dataset) -> None:
    method = _method()
    penalty = method.loss(_batch(digits))["reencoding"]
    gradients = torch.autograd.grad(penalty, list(method.decoder.parameters()))
    assert all(gradient.ne(0).any() for gradient in gradients)


def test_after_training_codes_of_reconstructions_are_nearer_than_a_vaes(digits: Dataset) -> None:
    distances = []
    for weight in (0.0, 1.0):
        settings = {"data": "digits", "method": "ne_vae", "network": "mlp", "epochs": 15, "weight": weight}
        training = Training(trial(settings), digits, torch.device("cpu"))
        while not training.done:
            training.epoch()
        method, x = training.method.eval(), digits.data.test.x
        with torch.no_grad():
            posterior = method.posterior(x)
            z = posterior.sample()
            again = method.posterior(method.decode(z)).sample()
        distances.append((z - again).square().sum(1).mean().item())
    assert distances[1] < 0.5 * distances[0]

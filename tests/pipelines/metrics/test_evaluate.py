from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

import methods
from methods.core.base import Batch, Domain, Method, Split, Terms
from methods.core.codes import encode
from methods.core.distributions import Dirac, gaussian
from methods.core.errors import BadInput
from pipelines import datasets, networks
from pipelines.metrics.active_units import active_units
from pipelines.metrics.clustering import hungarian_accuracy, kmeans_clusters, v_measure
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.metrics.metric import METRICS
from pipelines.metrics.neighbors import knn_purity
from pipelines.networks.conv import Conv

STANDARD = {name for name, metric in METRICS.items() if metric.group == "standard"}
OF_STRINGS = {"exact_reconstruction", "token_accuracy", "validity_greedy"}
MEASURED_ON_CODES = {"active_units", "knn_purity", "v_measure", "accuracy"}


def _build(name: str = "vae", likelihood: str = "bernoulli", latent: int = 10) -> Method:
    torch.manual_seed(0)
    return methods.build(name, _domain(likelihood), latent)


def _domain(likelihood: str = "bernoulli") -> Domain:
    return networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood=likelihood)


def _digits() -> Split:
    return datasets.load_once("digits").data.test.head(300)


def _labels() -> Tensor:
    labels = _digits().y
    assert labels is not None
    return labels


def _binarized() -> Split:
    digits = _digits()
    drawn = torch.bernoulli(digits.grey, generator=torch.Generator().manual_seed(0))
    return Split(drawn, digits.grey, digits.y)


class _Labeled(Method):
    """Everything depends on the label, and the prior is a single code, which has no density."""

    def loss(self, batch: Batch) -> Terms:
        raise AssertionError("measuring does not train")

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        assert y is not None
        return gaussian(self.encoder(x) + y.unsqueeze(1) / 10)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        assert y is not None
        return self.decoder.mean(z + y.unsqueeze(1) / 10)

    def prior(self) -> Distribution:
        return Dirac(torch.zeros(self.latent))


def test_every_number_is_a_standard_one_in_the_table_of_metrics() -> None:
    assert set(evaluate(_build(), _digits())) == STANDARD - OF_STRINGS


def test_without_labels_there_is_no_purity_and_no_cluster_agreement() -> None:
    unlabeled = dataclasses.replace(_digits(), y=None)
    assert STANDARD - OF_STRINGS - set(evaluate(_build(), unlabeled)) == {"knn_purity", "v_measure", "accuracy"}


def test_a_posterior_without_density_has_neither_rate_nor_elbo() -> None:
    assert set(monitor(_build("vae"), _digits())) - set(monitor(_build("ae"), _digits())) == {"rate", "elbo"}


def test_a_prior_without_density_leaves_no_rate_and_no_elbo() -> None:
    assert {"rate", "elbo"}.isdisjoint(monitor(_Labeled(_domain(), 3), _digits()))


def test_posterior_and_decoder_are_given_the_labels() -> None:
    method, split = _Labeled(_domain(), 3), _digits()
    assert split.y is not None
    renamed = dataclasses.replace(split, y=(split.y + 1) % 10)
    first, second = evaluate(method, split), evaluate(method, renamed)
    assert all(first[name] != second[name] for name in ("bce", "bce_mean", "mse", "mse_mean", "reconstruction"))


def test_a_deterministic_code_is_its_own_mean() -> None:
    metrics = evaluate(_build("ae"), _digits())
    assert (metrics["bce"], metrics["mse"]) == (metrics["bce_mean"], metrics["mse_mean"])


def test_monitor_gives_evaluates_numbers_without_clusters_and_mean_codes() -> None:
    method, split = _build(), _digits()
    everything = evaluate(method, split)
    cheap = monitor(method, split)
    assert set(everything) - set(cheap) == {"bce_mean", "mse_mean", "v_measure", "accuracy"}
    assert cheap == {name: everything[name] for name in cheap}


def test_monitor_looks_at_the_first_rows_only() -> None:
    method, split = _build(), _digits()
    assert monitor(method, split, rows=100) == monitor(method, split.head(100))


@pytest.mark.parametrize("name", ["vae", "ae"])
@pytest.mark.parametrize("size", [7, 200])
def test_what_is_not_sampled_does_not_depend_on_the_size_of_batches(name: str, size: int) -> None:
    method, split = _build(name), _digits()
    whole, parts = evaluate(method, split, size=len(split)), evaluate(method, split, size=size)
    fixed = (MEASURED_ON_CODES | {"bce_mean", "mse_mean", "rate"}) & set(whole)
    assert {k: parts[k] for k in fixed} == pytest.approx({k: whole[k] for k in fixed}, rel=1e-5)


def test_averages_are_over_rows() -> None:
    method, split = _build("ae"), _digits().head(5)
    alone = [monitor(method, Split(split.x[[i, i]], split.grey[[i, i]])) for i in range(5)]
    together = monitor(method, split, size=3)
    for name in ("bce", "mse", "reconstruction"):
        assert together[name] == pytest.approx(sum(row[name] for row in alone) / 5, rel=1e-5)


def test_reconstruction_under_bernoulli_is_the_bce() -> None:
    metrics = monitor(_build(likelihood="bernoulli"), _binarized())
    assert metrics["reconstruction"] == pytest.approx(metrics["bce"], rel=1e-5)


def test_reconstruction_under_gaussian_of_variance_one_half_is_the_squared_error_and_a_constant() -> None:
    metrics = monitor(_build(likelihood="gaussian"), _digits())
    assert metrics["reconstruction"] == pytest.approx(64 * metrics["mse"] + 32 * math.log(math.pi), rel=1e-5)


def test_elbo_is_minus_reconstruction_minus_rate() -> None:
    metrics = monitor(_build(likelihood="gaussian"), _digits())
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - metrics["rate"], rel=1e-6)


def test_reconstructions_are_of_the_binarized_x_and_codes_of_the_grey() -> None:
    method, binarized = _build(), _binarized()
    metrics = evaluate(method, binarized)
    on_x = evaluate(method, Split(binarized.x, binarized.x, binarized.y))
    on_grey = evaluate(method, _digits())
    for name, value in metrics.items():
        assert value == (on_grey if name in MEASURED_ON_CODES else on_x)[name]
        if name != "active_units":
            assert on_grey[name] != on_x[name]


def test_the_representation_is_the_posterior_mean_of_the_grey_rows() -> None:
    method, split, labels = _build(), _binarized(), _labels()
    codes = encode(method, split)
    clusters = kmeans_clusters(codes, 10, seed=4)
    metrics = evaluate(method, split, seed=4)
    assert {name: metrics[name] for name in MEASURED_ON_CODES} == {
        "active_units": active_units(codes),
        "knn_purity": knn_purity(codes, labels),
        "v_measure": v_measure(clusters, labels),
        "accuracy": hungarian_accuracy(clusters, labels),
    }


@pytest.mark.parametrize("name", ["vae", "lambda_hot_vae"])
def test_rate_is_the_monte_carlo_estimate_of_the_log_ratio(name: str) -> None:
    method = _stretched(_build(name).double())
    few = _digits().head(4)
    rows = torch.arange(4).repeat(1250)
    split = Split(few.x[rows].double(), few.grey[rows].double())
    posterior = method.posterior(few.x.double())
    z = posterior.sample(torch.Size([5_000]))
    ratio = (posterior.log_prob(z) - method.prior().log_prob(z)).flatten()
    # Within a row only: the rows' means are the same in both. Both estimates err at most like 5,000 draws; five
    # standard errors of their difference: false alarm 6e-7.
    error = ratio.view(-1, 4).var(0).mean().div(5_000).mul(2).sqrt().item()
    assert monitor(method, split, rows=5_000)["rate"] == pytest.approx(ratio.mean().item(), abs=5 * error)


@pytest.mark.parametrize(("name", "hyper"), [("vae", {}), ("lambda_hot_vae", {"scale": 2.0})])
def test_elbo_is_the_exact_log_likelihood_less_the_divergence_from_the_true_posterior(
    name: str, hyper: dict[str, float]
) -> None:
    method, images = _tiny(name, **hyper)
    many = images.repeat(1000, 1, 1, 1)
    elbo = monitor(method, Split(many, many), rows=len(many))["elbo"]
    likelihood, divergence, spread = _integrated(method, images)
    # The elbo's standard error over 1,000 draws an image; five of them: false alarm 6e-7.
    error = 5 * (spread.square().mean() / len(many)).sqrt().item()
    assert elbo == pytest.approx((likelihood - divergence).mean().item(), abs=error)
    assert elbo + error < likelihood.mean().item()


@pytest.mark.parametrize(("name", "hyper"), [("vae", {}), ("lambda_hot_vae", {"scale": 2.0})])
def test_probabilities_of_all_images_in_the_exact_reference_sum_to_one(name: str, hyper: dict[str, float]) -> None:
    assert _integrated(*_tiny(name, **hyper))[0].exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_equal_seeds_give_equal_numbers_whatever_was_drawn_before() -> None:
    method, split = _build(), _digits()
    torch.manual_seed(1)
    first = monitor(method, split, seed=7)
    torch.manual_seed(2)
    assert monitor(method, split, seed=7) == first


def test_different_seeds_draw_different_codes() -> None:
    method, split = _build(), _digits()
    assert monitor(method, split, seed=7)["bce"] != monitor(method, split, seed=8)["bce"]


def test_redrawn_binarization_follows_the_seed() -> None:
    method = _build("ae")
    split = dataclasses.replace(_digits(), redraw=True)
    torch.manual_seed(1)
    first = monitor(method, split, seed=7)
    assert monitor(method, split, seed=7) == first
    assert monitor(method, split, seed=8)["bce"] != first["bce"]


@pytest.mark.parametrize("measure", [evaluate, monitor])
def test_measuring_leaves_training_as_it_was(measure: Callable[[Method, Split], dict[str, float]]) -> None:
    method = methods.build("vae", Conv((1, 28, 28), rows=8, classes=2, width=2), 2)  # it has batch norm
    method.train()
    images = torch.rand(8, 1, 28, 28)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    state = torch.get_rng_state()
    measure(method, Split(images, images, torch.arange(8) % 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(part.training for part in method.modules())
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_codes_that_are_not_finite_have_no_numbers_and_no_error() -> None:
    method = _build("ae")
    nn.init.constant_(next(method.encoder.parameters()), math.nan)
    metrics = evaluate(method, _digits())
    assert all(math.isnan(value) for value in metrics.values())


def test_one_row_is_refused_politely() -> None:
    with pytest.raises(BadInput, match="at least 2 rows, got 1"):
        evaluate(_build(), _digits().head(1))


def _stretched(method: Method) -> Method:
    """With weights so large that posteriors and reconstructions differ between images."""
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.mul_(2.0)
    return method


def _tiny(name: str, **hyper: object) -> tuple[Method, Tensor]:
    """A method on binary images of four pixels, in double precision, and all sixteen images."""
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 2, 2), rows=16, classes=2, likelihood="bernoulli")
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 4).view(16, 1, 2, 2)
    return _stretched(methods.build(name, domain, 2, **hyper).double()), images


def _integrated(method: Method, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x), KL(q(z|x) || p(z|x)) and the standard deviation of log p(x, z) / q(z|x), on a grid over 2-d codes."""
    axis = torch.linspace(-10, 10, 161, dtype=torch.double)
    z = torch.cartesian_prod(axis, axis)
    cell = math.log((axis[1] - axis[0]).item() ** 2)
    with torch.no_grad():
        mean = method.decode(z).flatten(1)
        x = images.flatten(1)
        log_joint = x @ mean.log().mT + (1 - x) @ (-mean).log1p().mT + method.prior().log_prob(z)
        log_q = method.posterior(images).log_prob(z.unsqueeze(1)).mT
    log_likelihood = (log_joint + cell).logsumexp(1)
    ratio = log_joint - log_q
    q = (log_q + cell).exp()
    elbo = (q * ratio).sum(1)
    spread = (q * (ratio - elbo.unsqueeze(1)).square()).sum(1).sqrt()
    return log_likelihood, (q * (log_q - log_joint + log_likelihood.unsqueeze(1))).sum(1), spread

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from torch import Tensor

import methods
from methods.core import hubs
from methods.core.base import Data, Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from methods.core.hub_pool import decoded_log_prob
from methods.core.triplets import neighborhood_hinge
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial

FORMS = pytest.mark.parametrize("form", ["near", "literal"])


def _data(digits: Dataset, rows: int = 200) -> Data:
    grey = digits.data.train.grey[:rows].double()
    split = Split(grey, grey, redraw=True)
    return Data(split, split, split)


def _method(data: Data, *, latent: int = 3, epochs: int = 1, **hyper: object) -> Method:
    """A method at the start of the last of so many epochs, on training data whose rows were all seen before it."""
    domain = networks.build("mlp", event=(1, 8, 8), rows=len(data.train), classes=0, likelihood="bernoulli")
    method = methods.build("hub_vae", domain, latent, **{"hub_batch": 50, "pool_floor": 20} | hyper).double()
    for epoch in range(epochs):
        with torch.no_grad():
            method.eval().start_epoch(epoch, data)
            for batch in data.train.batches(50):
                method.train().loss(batch)
    with torch.no_grad():
        method.eval().start_epoch(epochs, data)
    return method.train()


def _pool(method: Method) -> Tensor:
    return method.get_buffer("pool")[: int(method.get_buffer("pool_size"))]


def _log_mean(z: np.ndarray, means: np.ndarray, variance: float, own: list[int]) -> np.ndarray:
    """log (1/m) sum_j N(z; mean_j, variance I) over the m components that are not the row's own (-1: all), singly."""
    logs = -0.5 * cdist(z, means, "sqeuclidean") / variance - 0.5 * z.shape[1] * math.log(2 * math.pi * variance)
    left = [row if mine < 0 else np.delete(row, mine) for row, mine in zip(logs, own, strict=True)]
    return np.array([logsumexp(row) - math.log(len(row)) for row in left])


@FORMS
def test_the_rate_is_under_the_pool_without_the_row_itself(digits: Dataset, form: str) -> None:
    data = _data(digits)
    method = _method(data, form=form, variance=0.5)
    pool = _pool(method)
    index = torch.cat([pool[:2], torch.tensor([row for row in range(200) if row not in pool.tolist()][:2])])
    batch = data.train[index]
    torch.manual_seed(1)
    found = method.loss(batch)["rate"].item()
    torch.manual_seed(1)
    posterior = method.posterior(batch.x)
    z = posterior.rsample().detach().numpy()
    expected = -posterior.entropy().detach().numpy() - _log_mean(
        z, encode(method, data.train)[pool].numpy(), 0.5, [0, 1, -1, -1]
    )
    assert found == pytest.approx(expected.mean())


@FORMS
@pytest.mark.parametrize("filter", ["text", "alg1", "alg1_nll", "none"])
@pytest.mark.parametrize("scope", ["batch", "dataset"])
def test_a_pool_is_of_distinct_hubs_and_the_filters_are_subsets(
    digits: Dataset, form: str, filter: str, scope: str
) -> None:
    pool = _pool(_method(_data(digits), form=form, filter=filter, scope=scope))
    assert len(pool.unique()) == len(pool)
    # About a third of all rows are hubs; the best 20 are kept at least, or those that are not outstanding.
    assert 20 <= len(pool) < 150


def test_without_a_floor_the_threshold_alone_decides(digits: Dataset) -> None:
    data = _data(digits)
    sizes = [len(_pool(_method(data, pool_floor=floor))) for floor in (0, 40)]
    assert sizes[0] < sizes[1] == 40


def test_the_first_epochs_components_are_random_rows(digits: Dataset) -> None:
    data = _data(digits)
    pool = _pool(_method(data, epochs=0, components=40))
    assert len(pool.unique()) == 40
    assert len(_pool(_method(data, epochs=0, components=40, random_epochs=0))) != 40


def test_hubs_are_sought_among_the_codes_of_training(digits: Dataset) -> None:
    """What `codes` holds after an epoch are the means and standard deviations of every row's posterior."""
    data = _data(digits)
    method = _method(Data(*[Split(data.train.x.round(), data.train.grey)] * 3), epochs=1)
    posterior = method.posterior(data.train.x.round())
    torch.testing.assert_close(method.get_buffer("codes"), torch.cat([posterior.mean, posterior.stddev], 1))


def test_the_contrastive_term_has_the_labels_of_the_nearest_hubs(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, contrastive_weight=2.5)
    batch = Data(*[Split(data.train.x, data.train.grey)] * 3).train[torch.arange(60)]
    posterior = method.posterior(batch.x)
    means = encode(method, data.train)[_pool(method)]
    nearest = cdist(posterior.mean.detach().numpy(), means.numpy()).argmin(1)
    labels = method.get_buffer("pool_labels")[nearest]
    points = torch.cat([posterior.mean, posterior.stddev], 1)
    expected = 2.5 * neighborhood_hinge(points, labels).mean()
    assert expected > 0
    torch.testing.assert_close(method.loss(batch)["contrastive"], expected)


def test_the_labels_of_the_pool_are_tight_clusters_of_its_means(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, clusters=5)
    means = encode(method, data.train)[_pool(method)].numpy()
    labels = method.get_buffer("pool_labels")[: len(means)].numpy()
    spread = sum(((means[labels == k] - means[labels == k].mean(0)) ** 2).sum() for k in range(5))
    assert spread < 1.2 * KMeans(5, n_init=20, random_state=0).fit(means).inertia_


def test_without_a_weight_there_is_no_contrastive_term(digits: Dataset) -> None:
    data = _data(digits)
    assert set(_method(data, contrastive_weight=0).loss(data.train[torch.arange(9)])) == {"reconstruction", "rate"}


@FORMS
def test_the_hubs_teach_the_encoder(digits: Dataset, form: str) -> None:
    method = _method(_data(digits), form=form)
    value = method._components(torch.zeros(4, 3).double(), torch.arange(4))[0].sum()
    gradients = torch.autograd.grad(value, list(method.encoder.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@FORMS
def test_of_a_large_pool_so_many_are_drawn_for_every_batch(digits: Dataset, form: str) -> None:
    method = _method(_data(digits), form=form, filter="none", components=7)
    drawn = [method._components(torch.zeros(4, 3).double(), torch.arange(4))[1] for _ in range(2)]
    assert [len(means) for means in drawn] == [7, 7]
    assert not torch.equal(drawn[0], drawn[1])


def test_the_prior_in_evaluation_is_around_todays_codes_of_the_pool(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, variance=2.0)
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.mul_(1.1)
        found = method.eval().prior().log_prob(torch.ones(2, 3).double())
    means = encode(method, data.train)[_pool(method)]
    np.testing.assert_allclose(found, _log_mean(np.ones((2, 3)), means.numpy(), 2.0, [-1, -1]))


def test_the_finished_prior_needs_no_rows_and_is_saved_with_its_hubs(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data)
    with torch.no_grad():
        method.eval().finish(data)
    again = methods.build(
        "hub_vae", networks.build("mlp", event=(1, 8, 8), rows=200, classes=0, likelihood="bernoulli"), 3
    ).double()
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.prior().means, encode(method, data.train)[_pool(method)])


def test_the_weight_of_the_rate_grows_linearly(digits: Dataset) -> None:
    data = _data(digits)
    method = _method(data, epochs=0, warmup_epochs=4)
    found = []
    for epoch in range(6):
        with torch.no_grad():
            method.start_epoch(epoch, data)
        found.append(method.get_buffer("warmth").item())
    assert found == [0.25, 0.5, 0.75, 1, 1, 1]


def test_more_clusters_than_rows_are_refused(digits: Dataset) -> None:
    with pytest.raises(BadInput, match=r"hub_vae.clusters must be at most the number of rows \(9\), got 10"):
        _method(_data(digits, rows=9), epochs=0)


def test_rows_too_few_for_hubs_are_learned_from_all_the_same(digits: Dataset) -> None:
    data = _data(digits, rows=2)
    method = _method(data, clusters=2)
    assert all(term.isfinite() for term in method.loss(data.train[torch.arange(2)]).values())


def test_hubs_that_it_calls_good_are_bad_hubs_less_often(digits: Dataset) -> None:
    """Bad hubness, the share of a hub's reverse neighbors that have another label, in batches of 100."""
    settings = {"data": "digits", "method": "hub_vae", "network": "mlp", "latent": 10, "learning_rate": 3e-3}
    training = Training(trial(settings), digits, torch.device("cpu"))
    for _ in range(5):
        training.epoch()
    method, train = training.method.eval(), digits.data.train
    group = torch.randperm(len(train)).view(10, 100)
    near = hubs.nearest(method.get_buffer("codes")[group], 10)
    neighbors = group.gather(1, near.positions.flatten(1)).view(1000, 10)
    with torch.no_grad():
        log_prob = decoded_log_prob(method.decoder, train, method.get_buffer("codes"))(group.flatten(), neighbors)
    are_hubs = hubs.are_hubs(hubs.hubness(near))
    scores = hubs.log_goodness(near, (log_prob / 64).view(10, 100, 10)).exp()[are_hubs]
    other = (train.y[neighbors] != train.y[group.flatten()].unsqueeze(1)).float().view(10, 100, 10)
    given = torch.zeros(10, 100).scatter_add_(1, near.positions.flatten(1), other.flatten(1))
    bad = (given / hubs.hubness(near))[are_hubs]
    assert bad[hubs.good(scores, 100)].mean() < bad.mean()

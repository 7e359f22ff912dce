from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.core import hubs
from methods.core.base import Split
from methods.core.hub_pool import Selection, decoded_log_prob, good_hubs, kept, random_groups, scored_hubs
from pipelines import networks
from pipelines.networks import likelihoods

CPU = torch.device("cpu")
SCORES = torch.tensor([0.1, 3.0, 0.2, 2.9, 0.3, 0.4])
ROWS = torch.tensor([10, 11, 12, 13, 14, 15])


@pytest.mark.parametrize(("total", "shapes"), [(250, [(2, 100), (1, 50)]), (202, [(2, 100)]), (30, [(1, 30)])])
def test_groups_hold_every_row_once_but_for_one_or_two(total: int, shapes: list[tuple[int, int]]) -> None:
    groups = list(random_groups(total, 100, CPU))
    assert [tuple(group.shape) for group in groups] == shapes
    rows = torch.cat([group.flatten() for group in groups])
    assert len(rows.unique()) == len(rows) == sum(a * b for a, b in shapes)
    assert rows.tolist() != sorted(rows.tolist())


def test_a_hub_is_scored_by_what_its_reverse_neighbors_make_of_it() -> None:
    codes = torch.randn(60, 4).double()
    worth = torch.rand(60, 60).double()
    groups = list(random_groups(60, 25, CPU))
    rows, scores = scored_hubs(codes, groups, 5, lambda row, near: worth[row].gather(1, near).log())
    expected = {}
    for group in groups:
        for members in group:
            near = hubs.nearest(codes[members].unsqueeze(0), 5).positions[0]
            counts = near.flatten().bincount(minlength=len(members)).double()
            for position in (counts > counts.mean() + 0.5 * counts.std(correction=0)).nonzero().flatten().tolist():
                reverse = members[(near == position).any(1)]
                hub = members[position]
                length = (codes[reverse] - codes[hub]).norm(dim=1).sum()
                expected[hub.item()] = (worth[reverse, hub].sum() / length).item()
    found = dict(zip(rows.tolist(), scores.tolist(), strict=True))
    best = max(expected.values())
    assert found == pytest.approx({row: score / best for row, score in expected.items()})


@pytest.mark.parametrize("redraw", [True, False])
def test_the_worth_of_a_neighbor_is_its_log_probability_under_a_code_of_the_row(redraw: bool) -> None:
    values = torch.nn.Linear(2, 6).double()
    decoder = likelihoods.build("bernoulli", values, (1, 2, 3))
    x = torch.rand(300, 1, 2, 3).double().round()  # drawn anew, they are what they are
    codes = torch.cat([torch.randn(300, 2), torch.zeros(300, 2)], 1).double()  # no noise
    rows, neighbors = torch.randperm(300)[:250], torch.randint(300, (250, 4))
    with torch.no_grad():
        found = decoded_log_prob(decoder, Split(x, x, redraw=redraw), codes)(rows, neighbors)
        expected = torch.stack([decoder.log_prob(x[neighbors[:, j]], codes[rows, :2]) for j in range(4)], 1)
    torch.testing.assert_close(found, expected)


def test_codes_are_drawn_with_the_standard_deviation_that_is_kept() -> None:
    """With the code as logit, log p(1) - log p(0) is the code. 2000 draws of N(1, 4), false alarm below 1e-6."""
    decoder = likelihoods.build("bernoulli", torch.nn.Identity(), (1, 1, 1))
    x = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1).double()
    codes = torch.tensor([[1.0, 2.0]] * 2).double()
    worth = decoded_log_prob(decoder, Split(x, x), codes)
    drawn = worth(torch.zeros(2000, dtype=torch.long), torch.tensor([[0, 1]] * 2000))
    logit = drawn[:, 0] - drawn[:, 1]
    assert logit.mean().item() == pytest.approx(1, abs=5 * 2 / 2000**0.5)
    assert logit.std().item() == pytest.approx(2, abs=5 * 2 / 4000**0.5)


@pytest.mark.parametrize(
    ("rule", "floor", "left"),
    [
        ("text", 0, [11, 13]),
        ("text", 3, [11, 13, 15]),
        ("alg1", 3, [10, 12, 14, 15]),
        ("alg1_nll", 3, [10, 12, 14, 15]),
        ("none", 3, [10, 11, 12, 13, 14, 15]),
    ],
)
def test_a_rule_keeps_its_side_of_the_threshold(rule: str, floor: int, left: list[int]) -> None:
    assert sorted(kept(ROWS, SCORES, rule, floor).tolist()) == left


@pytest.mark.parametrize("rule", ["text", "alg1", "alg1_nll", "none"])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_scores_that_are_equal_leave_hubs_where_there_are_any(rule: str, rows: int) -> None:
    pool: Tensor = kept(torch.arange(rows), torch.ones(rows), rule, 0)
    assert len(pool) == rows


def _selected(score: str, *, filter: str = "text", scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Hubs among 300 rows of 1,000 binary values under a decoder, and their exact log-scores: log G, all hubs."""
    decoder = networks.build("mlp", event=(1, 20, 50), rows=300, classes=0, likelihood="bernoulli").decoder(2).double()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(scale)
    x = torch.bernoulli(torch.rand(300, 1, 20, 50)).double()
    codes = torch.cat([torch.randn(300, 2), torch.zeros(300, 2)], 1).double()  # no noise
    with torch.no_grad():
        pool = good_hubs(decoder, Split(x, x), codes, Selection(filter, score, 0, 0, 10))
        near = hubs.nearest(codes.unsqueeze(0), 10)
        log_prob = decoded_log_prob(decoder, Split(x, x), codes)(torch.arange(300), near.positions[0])
    scores = torch.full((300,), -torch.inf).double()
    for hub in hubs.are_hubs(hubs.hubness(near))[0].nonzero().flatten().tolist():
        reverse = near.positions[0] == hub
        value = log_prob / 1000 if score == "geometric" else log_prob
        lengths = near.distances[0][reverse].sum()
        scores[hub] = torch.logsumexp(value[reverse], 0) - lengths.log()
    return pool, scores


@pytest.mark.parametrize("score", ["geometric", "product"])
def test_good_hubs_are_those_of_half_the_largest_z_score(score: str) -> None:
    pool, logarithms = _selected(score)
    are_hubs = logarithms.isfinite()
    values = (logarithms[are_hubs] - logarithms[are_hubs].max()).exp()
    z = (values - values.mean()) / values.std()
    expected = are_hubs.nonzero().flatten()[z >= z.max() / 2]
    assert sorted(pool.tolist()) == sorted(expected.tolist())


def test_by_the_product_of_densities_one_hub_outshines_all_though_no_number_holds_them() -> None:
    """Log-densities near -700 nats: exp(-700) is zero in single precision, and -7000 in double as well."""
    pool, logarithms = _selected("product", scale=3.0)
    assert logarithms.max() < -690
    assert pool.tolist() == [int(logarithms.argmax())]


def test_the_other_filters_divide_the_hubs_between_them() -> None:
    torch.manual_seed(1)
    good, logarithms = _selected("geometric")
    torch.manual_seed(1)
    rest, _ = _selected("geometric", filter="alg1")
    assert sorted([*good.tolist(), *rest.tolist()]) == logarithms.isfinite().nonzero().flatten().tolist()

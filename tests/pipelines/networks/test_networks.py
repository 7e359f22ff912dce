from __future__ import annotations

from pathlib import Path

import pytest
import torch

from methods.core.base import Domain
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.networks import likelihoods

FACTS = {"rows": 100, "classes": 10, "likelihood": "bernoulli"}


def _domain(name: str, event: tuple[int, ...] = (1, 28, 28), likelihood: str = "bernoulli") -> Domain:
    return networks.build(name, event=event, rows=100, classes=10, likelihood=likelihood)


def test_every_file_but_what_they_share_is_a_family() -> None:
    files = {file.stem for file in Path(networks.__file__).parent.glob("*.py")}
    assert set(networks.names()) == files - {"__init__", "image", "likelihoods"}


@pytest.mark.parametrize("name", networks.names())
def test_a_family_knows_the_facts_of_the_data(name: str) -> None:
    domain = _domain(name)
    assert (domain.event, domain.rows, domain.classes) == ((1, 28, 28), 100, 10)


@pytest.mark.parametrize("name", networks.names())
@pytest.mark.parametrize("likelihood", likelihoods.names())
def test_codes_come_out_of_the_encoder_and_images_out_of_the_decoder(name: str, likelihood: str) -> None:
    domain = _domain(name, likelihood=likelihood)
    x = torch.rand(2, 1, 28, 28)
    z = domain.encoder(5)(x)
    decoder = domain.decoder(5)
    assert z.shape == (2, 5)
    assert decoder.mean(z).shape == x.shape
    assert decoder.log_prob(x, z).shape == (2,)


@pytest.mark.parametrize("name", networks.names())
def test_the_same_seed_makes_the_same_networks_and_every_call_new_ones(name: str) -> None:
    domain = _domain(name)
    torch.manual_seed(3)
    first = domain.encoder(2).state_dict()
    other = domain.encoder(2).state_dict()
    torch.manual_seed(3)
    second = domain.encoder(2).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_an_unknown_family_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown network 'gatedmlp': did you mean 'gated_mlp'"):
        _domain("gatedmlp")


def test_an_unknown_likelihood_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown likelihood 'bernouli': did you mean 'bernoulli'"):
        _domain("mlp", likelihood="bernouli")


@pytest.mark.parametrize("name", ["image", "likelihoods", "__init__"])
def test_what_families_share_is_no_family(name: str) -> None:
    with pytest.raises(BadInput, match="unknown network"):
        _domain(name)

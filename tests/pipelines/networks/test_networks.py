from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch

from methods.core.base import Domain
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.networks import likelihoods
from pipelines.networks.likelihoods import AutoregressiveBernoulli

AUTOREGRESSIVE = ["resnet_pixelcnn", "resnet_pixelcnn_small"]


def _domain(name: str, event: tuple[int, ...] = (1, 28, 28), likelihood: str = "bernoulli") -> Domain:
    return networks.build(name, event=event, rows=100, classes=10, likelihood=likelihood)


def test_every_file_but_what_they_share_is_a_family() -> None:
    files = {file.stem for file in Path(networks.__file__).parent.glob("*.py")}
    assert set(networks.names()) == files - {"__init__", "image"}


@pytest.mark.parametrize("name", networks.names())
def test_a_family_knows_the_facts_of_the_data(name: str) -> None:
    domain = _domain(name)
    assert (domain.event, domain.rows, domain.classes) == ((1, 28, 28), 100, 10)


def _takes(name: str, event: tuple[int, ...], likelihood: str = "bernoulli") -> bool:
    try:
        _domain(name, event, likelihood)
    except BadInput:
        return False
    return True


def _narrow(domain: Domain) -> Domain:
    """The same networks with few channels, so that all of them are tried in no time."""
    fields = {field.name for field in dataclasses.fields(domain)}
    return dataclasses.replace(domain, **{"width": 4} if "width" in fields else {"hidden": 4})


@pytest.mark.parametrize("name", sorted(set(networks.names()) - set(AUTOREGRESSIVE)))
@pytest.mark.parametrize("likelihood", likelihoods.names())
def test_codes_come_out_of_the_encoder_and_images_out_of_the_decoder(name: str, likelihood: str) -> None:
    domain = _narrow(_domain(name, likelihood=likelihood))
    x = torch.rand(2, 1, 28, 28)
    z = domain.encoder(5)(x)
    decoder = domain.decoder(5)
    assert z.shape == (2, 5)
    assert decoder.mean(z).shape == decoder.sample(z).shape == x.shape
    assert decoder.log_prob(x, z).shape == (2,)


# Which images a family takes: grey 28x28 and 32x32, color 32x32 and 64x64, 16x16, 8x8, not square, a vector.
EVENTS = [(1, 28, 28), (1, 32, 32), (3, 32, 32), (3, 64, 64), (1, 16, 16), (1, 8, 8), (1, 28, 20), (1, 1, 12)]
TAKEN = {
    "conv": "yes yes yes yes no no no no",
    "gated_mlp": "yes yes yes yes yes yes yes yes",
    "gmvae_conv": "yes yes yes yes yes no yes no",
    "infogan": "yes yes yes yes yes yes yes no",
    "joint_vae_conv": "yes yes yes yes no no no no",
    "mlp": "yes yes yes yes yes yes yes yes",
    "proto_conv": "yes yes yes no no no no no",
    "rae_conv": "yes yes yes yes no no no no",
    "resnet_pixelcnn": "yes yes no no yes yes yes no",
    "resnet_pixelcnn_small": "yes yes no no yes yes yes no",
}


@pytest.mark.parametrize("name", networks.names())
def test_a_family_takes_the_images_that_it_is_made_for_and_gives_them_back(name: str) -> None:
    taken = [event for event, answer in zip(EVENTS, TAKEN[name].split(), strict=True) if answer == "yes"]
    assert [event for event in EVENTS if _takes(name, event)] == taken
    for event in taken:
        domain = _narrow(_domain(name, event))
        x, decoder = torch.rand(2, *event).round(), domain.decoder(3)
        code = domain.encoder(3)(x)
        found = decoder.mean_given(x, code) if isinstance(decoder, AutoregressiveBernoulli) else decoder.mean(code)
        assert found.shape == x.shape


@pytest.mark.parametrize("name", networks.names())
def test_a_refusal_is_a_sentence_that_names_a_family_which_takes_the_image(name: str) -> None:
    for event, answer in zip(EVENTS, TAKEN[name].split(), strict=True):
        if answer == "no":
            with pytest.raises(BadInput) as refused:
                _domain(name, event)
            offered = set(re.split(r"\W+", str(refused.value).split(": use ")[1])) & set(networks.names())
            assert any(_takes(other, event) for other in offered), (event, str(refused.value))


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
@pytest.mark.parametrize("likelihood", sorted(set(likelihoods.names()) - {"bernoulli"}))
def test_an_autoregressive_family_is_for_pixels_of_0_and_1(name: str, likelihood: str) -> None:
    with pytest.raises(BadInput, match=f"likelihood bernoulli, got {likelihood}: set likelihood to bernoulli"):
        _domain(name, likelihood=likelihood)


@pytest.mark.parametrize("name", networks.names())
def test_a_row_alone_can_be_trained_on(name: str) -> None:
    domain = _narrow(_domain(name, (1, 32, 32)))
    encoder, decoder, x = domain.encoder(3).train(), domain.decoder(3).train(), torch.rand(1, 1, 32, 32).round()
    loss = -decoder.log_prob(x, encoder(x)).sum()
    assert loss.isfinite()
    assert torch.autograd.grad(loss, next(decoder.parameters()))[0].isfinite().all()


@pytest.mark.parametrize("name", networks.names())
def test_in_evaluation_rows_do_not_depend_on_each_other(name: str) -> None:
    domain = _narrow(_domain(name))
    encoder, decoder = domain.encoder(3).double().eval(), domain.decoder(3).double().eval()
    x, z = torch.rand(4, 1, 28, 28).round().double(), torch.randn(4, 3).double()
    torch.testing.assert_close(encoder(x)[:1], encoder(x[:1]))
    torch.testing.assert_close(decoder.log_prob(x, z)[:1], decoder.log_prob(x[:1], z[:1]))


@pytest.mark.parametrize("name", networks.names())
def test_training_reaches_every_parameter(name: str) -> None:
    domain = _narrow(_domain(name))
    encoder, decoder, x = domain.encoder(3), domain.decoder(3), torch.rand(20, 1, 28, 28).round()
    # Squares, as the scores of a normalized batch sum to zero whatever the weights before.
    loss = decoder.log_prob(x, encoder(x)).square().sum()
    named = [*encoder.named_parameters(), *decoder.named_parameters()]
    gradients = torch.autograd.grad(loss, [parameter for _, parameter in named])
    assert [key for (key, _), gradient in zip(named, gradients, strict=True) if not gradient.any()] == []


@pytest.mark.parametrize("name", networks.names())
def test_the_same_seed_makes_the_same_networks_and_every_call_new_ones(name: str) -> None:
    domain = _narrow(_domain(name))
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


@pytest.mark.parametrize("name", ["image", "likelihoods", "layers", "__init__"])
def test_what_families_share_is_no_family(name: str) -> None:
    with pytest.raises(BadInput, match="unknown network"):
        _domain(name)

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.sequences import languages, likelihood, networks
from pipelines.sequences.likelihood import Sequences

NAMES = ["expression_grammar", "expression_characters", "smiles_grammar"]


def decoder_of(name: str, length: int = 15, code: int = 3) -> Sequences:
    symbols = languages.language(name, length).symbols
    network = nn.Sequential(nn.Linear(code, length * symbols), nn.Unflatten(1, (length, symbols)))
    return likelihood.build(name, network, length)


def one_hot(decoder: Sequences, *texts: str) -> Tensor:
    rows = torch.tensor([list(decoder.language.encode(text)) for text in texts])
    return F.one_hot(rows, decoder.language.symbols).float()


def test_the_probability_of_an_expression_is_that_of_its_choices() -> None:
    """x: S -> T among four rules, T -> 'x' among seven, then nothing but padding; 15 places leave room for all."""
    decoder = decoder_of("expression_grammar")
    z = torch.randn(1, 3)
    logits = decoder.network(z)[0]
    expected = logits[0, :4].log_softmax(0)[3] + logits[1, 4:11].log_softmax(0)[3]
    torch.testing.assert_close(decoder.log_prob(one_hot(decoder, "x"), z)[0], expected)


def test_rules_that_no_longer_fit_have_no_share_of_the_probability() -> None:
    """With two places x is derived only by S -> T and a terminal; brackets would need more."""
    decoder = decoder_of("expression_grammar", length=2)
    z = torch.randn(1, 3)
    texts = ["x", "1", "2", "3"]
    total = decoder.log_prob(one_hot(decoder, *texts), z.expand(4, -1)).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0))


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_is_the_distribution_of_every_symbol_after_the_greedy_ones(name: str) -> None:
    decoder, z = decoder_of(name), torch.randn(6, 3)
    mean, greedy = decoder.mean(z), decoder.greedy(z).long()
    torch.testing.assert_close(mean.sum(2), torch.ones(6, 15))
    assert torch.equal(mean.argmax(2), greedy)
    of_greedy = mean.gather(2, greedy.unsqueeze(2)).log().sum((1, 2))
    torch.testing.assert_close(decoder.log_prob(F.one_hot(greedy, mean.shape[2]).float(), z), of_greedy)


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_carries_gradients_to_the_code(name: str) -> None:
    z = torch.randn(2, 3, requires_grad=True)
    decoder_of(name).mean(z).square().sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_one_hot_rows_of_positive_probability(name: str) -> None:
    decoder, z = decoder_of(name), torch.randn(50, 3)
    x = decoder.sample(z)
    assert torch.equal(x.sum(2), torch.ones(50, 15))
    assert decoder.log_prob(x, z).min() > -1000


@pytest.mark.parametrize("name", NAMES)
def test_several_strings_a_code_have_the_probabilities_they_have_alone(name: str) -> None:
    decoder, z = decoder_of(name), torch.randn(4, 3)
    x = torch.stack([decoder.sample(z) for _ in range(5)], 1)
    each = torch.stack([decoder.log_prob(x[:, k], z) for k in range(5)], 1)
    torch.testing.assert_close(decoder.log_prob_of_each(x, z), each)


def test_the_loss_of_the_original_is_the_binary_cross_entropy_of_masked_probabilities() -> None:
    """Twelve entries a place, as `vae_loss` has it: its mean over entries, times the number of them."""
    decoder = decoder_of("expression_grammar_bce")
    z, texts = torch.randn(2, 3), ["x * x", "sin( 1 )"]
    x = one_hot(decoder, *texts)
    lhs = torch.tensor([0] * 4 + [1] * 7 + [2])
    own = lhs == lhs[x.argmax(2)].unsqueeze(2)
    p = decoder.network(z).exp() * own
    p = (p / p.sum(2, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    expected = -F.binary_cross_entropy(p, x, reduction="none").sum((1, 2))
    torch.testing.assert_close(decoder.log_prob(x, z), expected)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (family, name)
        for family in networks.names()
        for name in ("expression_grammar", "smiles_characters", "smiles_selfies")
        if (family == "autoregressive_molecule") == (name == "smiles_selfies")  # it reads nothing else
    ],
)
def test_a_family_encodes_and_decodes_sequences(family: str, name: str) -> None:
    language = languages.language(name)
    event = (language.length, language.symbols)
    domain = networks.build(family, event=event, rows=10, classes=0, likelihood=name)
    x = domain.decoder(4).sample(torch.randn(3, 4))
    assert x.shape == (3, *event)
    assert domain.encoder(6)(x).shape == (3, 6)


@pytest.mark.parametrize("family", networks.names())
def test_an_encoder_reads_numbers_of_symbols_as_it_reads_one_hot_rows(family: str) -> None:
    domain = networks.build(family, event=(15, 12), rows=10, classes=0, likelihood="expression_grammar")
    encoder = domain.encoder(4).eval()
    numbers = torch.randint(12, (5, 15))
    torch.testing.assert_close(encoder(numbers.to(torch.uint8)), encoder(F.one_hot(numbers, 12).float()))
    torch.testing.assert_close(encoder(numbers.float()), encoder(numbers))


def test_the_recurrent_family_has_the_sizes_of_the_original() -> None:
    """As Keras counts: (2,2), (3,3), (4,4) filters, 100 units, 25-d; 9, 9, 10 filters, 435 units, 56-d, 3 GRU of 501.

    torch's GRU has a second bias vector a layer, 3 x hidden numbers more.
    """
    domain = networks.build("gru", event=(277, 76), rows=10, classes=0, likelihood="smiles_grammar")
    convolutions = (76 * 9 + 1) * 9 + (9 * 9 + 1) * 9 + (9 * 11 + 1) * 10
    dense = (10 * (277 - 8 - 8 - 10) + 1) * 435 + (435 + 1) * 112
    assert sum(p.numel() for p in domain.encoder(112).parameters()) == convolutions + dense
    recurrent = sum(3 * (inputs * 501 + 501 * 501 + 2 * 501) for inputs in (56, 501, 501))
    decoder = (56 + 1) * 56 + recurrent + (501 + 1) * 76
    assert sum(p.numel() for p in domain.decoder(56).parameters()) == decoder

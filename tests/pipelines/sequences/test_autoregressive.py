"""A decoder that sees what it has written."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from methods.core.errors import BadInput
from pipelines.sequences import languages, networks
from pipelines.sequences.autoregressive import Autoregressive, WithMemory, Writer
from pipelines.sequences.language import Tokens
from pipelines.sequences.windowed import WithWindow

NAMES = ["expression_grammar", "expression_characters"]
WRITERS = ["memory", "window"]


def decoder_of(name: str, writer: str = "memory", length: int = 9) -> Autoregressive:
    torch.manual_seed(0)
    language = languages.language(name, length)
    return Autoregressive(_network(writer, length, language.symbols), language).eval()


def _network(writer: str, length: int, symbols: int) -> Writer:
    network: Writer
    if writer == "memory":
        network = WithMemory(3, 8, length=length, symbols=symbols, units=16, features=5, embedded=4)
    else:
        network = WithWindow(3, length=length, symbols=symbols, units=16, features=5, hidden=8, embedded=4)
    for weights in network.parameters():
        weights.data *= 3  # so that symbols differ in probability
    return network


def of_two_letters(writer: str) -> Autoregressive:
    torch.manual_seed(0)
    return Autoregressive(_network(writer, 3, 3), Tokens("ab", 3)).eval()


def one_hot(sequences: Tensor, symbols: int) -> Tensor:
    return F.one_hot(sequences.long(), symbols).float()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_scores_step_by_step_are_those_of_all_places_at_once(name: str, writer: str) -> None:
    decoder, z = decoder_of(name, writer), torch.randn(6, 3)
    written = decoder.greedy(z).long()
    step = decoder.network.steps(z)
    one_by_one = [step(place, written[:, place - 1] if place else None) for place in range(written.shape[1])]
    torch.testing.assert_close(torch.stack(one_by_one, 1), decoder.network(z, written))


@pytest.mark.parametrize("writer", WRITERS)
def test_scores_of_some_places_are_those_among_all(writer: str) -> None:
    decoder, z, places = decoder_of(NAMES[1], writer), torch.randn(6, 3), torch.tensor([0, 8, 9, 30, 53])
    written = decoder.greedy(z).long()
    torch.testing.assert_close(decoder.network(z, written, places), decoder.network(z, written).flatten(0, 1)[places])


@pytest.mark.parametrize(("writer", "seen"), [("memory", 14), ("window", WithWindow.WINDOW)])
def test_a_score_depends_on_symbols_before_it_alone(writer: str, seen: int) -> None:
    network, z = decoder_of("expression_characters", writer, 19).network, torch.randn(1, 3)
    first, second = torch.zeros(1, 19, dtype=torch.long), torch.zeros(1, 19, dtype=torch.long)
    second[:, 4] = 1
    differs = (network(z, first) != network(z, second)).any(2)[0]
    assert differs[: 5 + seen].tolist() == [False] * 5 + [True] * seen
    assert writer == "memory" or not differs[5 + seen :].any()


@pytest.mark.parametrize("writer", WRITERS)
def test_probabilities_of_all_strings_sum_to_one(writer: str) -> None:
    """Of two letters and three places: 2 + 4 + 8 strings."""
    decoder, z = of_two_letters(writer), torch.randn(1, 3)
    texts = ["".join(letters) for length in (1, 2, 3) for letters in itertools.product("ab", repeat=length)]
    rows = torch.tensor([list(decoder.language.encode(text)) for text in texts])
    total = decoder.log_prob(one_hot(rows, 3), z.expand(len(texts), -1)).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0))


@pytest.mark.parametrize("writer", WRITERS)
def test_draws_have_the_probabilities_of_their_strings(writer: str) -> None:
    decoder, z = of_two_letters(writer), torch.randn(1, 3)
    drawn = decoder.draw(z.expand(20_000, -1), generator=torch.Generator().manual_seed(1))
    rows, counts = drawn.unique(dim=0, return_counts=True)
    expected = decoder.log_prob(one_hot(rows, 3), z.expand(len(rows), -1)).exp()
    deviation = (expected * (1 - expected) / 20_000).sqrt()
    assert ((counts / 20_000 - expected).abs() < 5 * deviation + 1e-4).all()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_the_mean_is_the_distribution_after_the_greedy_symbols(name: str, writer: str) -> None:
    decoder, z = decoder_of(name, writer), torch.randn(6, 3)
    mean, greedy = decoder.mean(z), decoder.greedy(z).long()
    assert torch.equal(mean.argmax(2), greedy)
    of_greedy = mean.gather(2, greedy.unsqueeze(2)).log().sum((1, 2))
    torch.testing.assert_close(decoder.log_prob(one_hot(greedy, mean.shape[2]), z), of_greedy)
    torch.testing.assert_close(decoder.mean_given(one_hot(greedy, mean.shape[2]), z), mean)


def test_several_strings_a_code_have_the_probabilities_they_have_alone() -> None:
    decoder, z = decoder_of("expression_grammar"), torch.randn(4, 3)
    x = torch.stack([decoder.sample(z) for _ in range(3)], 1)
    each = torch.stack([decoder.log_prob(x[:, k], z) for k in range(3)], 1)
    torch.testing.assert_close(decoder.log_prob_of_each(x, z), each)


def test_draws_of_a_grammar_are_sentences() -> None:
    decoder = decoder_of("expression_grammar")
    for text in decoder.strings(decoder.draw(torch.randn(50, 3))):
        assert decoder.language.parse(text)


@pytest.mark.parametrize("family", ["autoregressive_gru", "autoregressive_mlp"])
def test_the_loss_of_the_original_is_refused_with_the_likelihood_to_take(family: str) -> None:
    domain = networks.build(family, event=(15, 12), rows=10, classes=0, likelihood="expression_grammar_bce")
    with pytest.raises(BadInput, match="set likelihood=expression_grammar"):
        domain.decoder(4)

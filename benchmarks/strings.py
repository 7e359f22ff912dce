"""Strings a second, on one thread: encoded from text and decoded greedily from random codes into text.

Seconds are those of the processor, so that other work on the machine counts little. Networks are untrained: a trained
one decodes as fast.

python -m benchmarks.strings
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch

from pipelines import domains
from pipelines.sequences import expression_data, zinc_data
from pipelines.sequences.encoding import encode
from pipelines.sequences.languages import language, names
from pipelines.sequences.likelihood import Sequences

ENCODED, CODES, ROUNDS = 5000, 2000, 5
DECODERS = (
    ("expression_grammar", "mlp", 25),
    ("expression_grammar", "gated_mlp", 25),
    ("expression_grammar", "gru", 25),
    ("expression_characters", "mlp", 25),
    ("smiles_grammar", "mlp", 56),
    ("smiles_characters", "mlp", 56),
    ("smiles_selfies", "mlp", 56),
    ("smiles_selfies", "autoregressive_gru", 128),
    ("smiles_fragments", "autoregressive_mlp", 56),
)


def main() -> None:
    torch.set_num_threads(1)
    texts = {"expression": expression_data.lines()[:ENCODED], "smiles": zinc_data.lines()[:ENCODED]}
    print("strings a second, one thread")
    for name in names():
        work = functools.partial(encode, texts[name.partition("_")[0]], language(name))
        print(f"  encode {name:<22} {'':<20} {ENCODED / _seconds(work, rounds=1):>9,.0f}")
    for name, network, latent in DECODERS:
        decode = _decoding(name, network, latent)
        print(f"  decode {name:<22} {network:<20} {CODES / _seconds(decode, rounds=ROUNDS):>9,.0f}")


def _decoding(name: str, network: str, latent: int) -> Callable[[], object]:
    own = language(name)
    domain = domains.build(network, event=(own.length, own.symbols), rows=1, classes=0, likelihood=name)
    torch.manual_seed(0)
    decoder = domain.decoder(latent).eval()
    assert isinstance(decoder, Sequences)
    z = torch.randn(CODES, latent)
    return lambda: decoder.strings(decoder.greedy(z))


def _seconds(work: Callable[[], object], *, rounds: int) -> float:
    """Of the fastest round, after one that warms up where there are several."""
    best = float("inf")
    for _ in range(rounds + (rounds > 1)):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main()

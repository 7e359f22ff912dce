"""ZINC250k as a data set in a language."""

from __future__ import annotations

import gzip

import torch

from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch, present
from pipelines.sequences import cache
from pipelines.sequences.languages import language
from pipelines.sequences.string_data import announce, dataset

_SERVER = "https://raw.githubusercontent.com/wengong-jin/icml18-jtnn/master/data/zinc"
_KEPT = RemoteFile("zinc", "zinc.txt.gz", sha256="f991bbe4d19a0636862aa574e42903307ad9295f773af3e549a1bb09c44b873f")
_ALL = RemoteFile("zinc", "all.txt", (f"{_SERVER}/all.txt",))
_VALID = RemoteFile(
    "zinc",
    "valid.txt",
    (f"{_SERVER}/valid.txt",),
    "ad7d9c2bfebd93ffda6c32ed0e89d1714ae1f592f6340c0e6ae057521bbae30d",
)
_TEST = RemoteFile(
    "zinc",
    "test.txt",
    (f"{_SERVER}/test.txt",),
    "31f6ce92914814db33bf0dbfc45f3836193e27cb80a59c54d88bc05a1f5fab83",
)
_MOLECULES = 249_455


def lines() -> list[str]:
    """The distinct SMILES of ZINC250k, in their order.

    Raises:
        BadInput: the file upstream is not the one we know.
    """
    kept = present(_KEPT)
    text = gzip.decompress(fetch(_KEPT).read_bytes()).decode() if kept else fetch(_ALL).read_text()
    found = list(dict.fromkeys(text.split()))
    if len(found) != _MOLECULES:
        raise BadInput(f"{_KEPT if kept else _ALL} holds {len(found):,} molecules where {_MOLECULES:,} belong")
    return found


def jt_vae_split(language_name: str, *, length: int | None = None) -> Dataset:
    """ZINC250k in a language, in the parts of JT-VAE: 220,010 / 24,445 / 5,000, less what the language has not.

    Args:
        language_name: one of `languages.names()`.
        length: of a sequence; by default the language's usual one.
    """
    strings = lines()
    found = cache.encoded(f"zinc-{language_name}", strings, language(language_name, length))
    announce("zinc", found.report)
    valid, test = (set(fetch(file).read_text().split()) for file in (_VALID, _TEST))
    part = torch.tensor([1 if text in valid else 2 if text in test else 0 for text in strings])[found.rows]
    return dataset(language_name, *(found.sequences[part == number] for number in range(3)))

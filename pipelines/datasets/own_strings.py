"""Strings of one's own: `smiles_selfies:molecules.txt` names the lines of that file, in that language.

A line is an expression, or starts with the SMILES of a molecule; what follows it there is left out, and so are repeated
lines. What the language has not is counted and named. Split 8 : 1 : 1 after one fixed permutation.

Sequences are as long as the language usually has them; `smiles_selfies:120:molecules.txt` has room for 120 symbols.
"""

from __future__ import annotations

from pathlib import Path

from methods.core.errors import BadInput, unknown
from pipelines import console
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import cache, languages
from pipelines.sequences.string_data import announce, cut, shuffled

_SIGN = ":"
_TOO_LONG = "too long"
_LIKE = {
    "expression_grammar": "expressions",
    "expression_characters": "expressions_characters",
    "smiles_grammar": "zinc",
    "smiles_characters": "zinc_characters",
    "smiles_selfies": "zinc_selfies",
    "smiles_fragments": "zinc_fragments",
    "smiles_fragments_small_rings": "zinc_fragments",
}
"""The data set in each language that a file in it is most like."""


def is_one(name: str) -> bool:
    """Does the name mean a file of strings, and not a registered data set?"""
    return _SIGN in name


def like(name: str) -> str:
    """The registered data set that these strings are most like; what is registered is like itself.

    Raises:
        BadInput: an unknown language.
    """
    return _LIKE[_parted(name)[0]] if is_one(name) else name


def load(name: str) -> Dataset:
    """The data set of a file.

    Raises:
        BadInput: an unknown language, a length that nothing fits into, a file that cannot be read, or too few strings
            of the language in it.
    """
    language, length, path = _parted(name)
    wanted = languages.language(language, length)
    found = cache.encoded(f"own-{path.stem}", lines(language, path), wanted)
    announce(path.name, found.report)
    remedy = f"for longer strings name a length, such as {language}:{2 * wanted.length}:{path}"
    if _TOO_LONG in found.report.refused:
        console.ERR.print(f"{path.name}: {remedy}", style="yellow", markup=False, soft_wrap=True)
    if not len(found.rows):
        raise BadInput(f"no line of {path} is a string of {language}: {found.report}")
    return cut(language, shuffled(found.sequences))


def lines(language: str, path: Path) -> list[str]:
    """The distinct strings of a file, in their order.

    Raises:
        BadInput: a file that cannot be read or has no text.
    """
    try:
        written = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise BadInput(f"cannot read {path}: {reason}") from error
    filled = [line.strip() for line in written if line.strip()]
    if not filled:
        raise BadInput(f"{path} is empty: write one string in a line")
    molecules = language.startswith("smiles")
    return list(dict.fromkeys(line.split()[0] if molecules else line for line in filled))


def _parted(name: str) -> tuple[str, int | None, Path]:
    """Language, length where one is given, and file."""
    language, _, rest = name.partition(_SIGN)
    if language not in _LIKE:
        raise unknown("language of strings", language, _LIKE)
    length, sign, path = rest.partition(_SIGN)
    if not (sign and length.isdecimal()):
        return language, None, Path(rest).expanduser()
    if not int(length):
        raise BadInput(f"the length of strings must be at least 1, got {name!r}")
    return language, int(length), Path(path).expanduser()

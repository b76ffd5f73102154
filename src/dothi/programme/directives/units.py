"""Which unit a body's name means: aliases as data, then the register of communes, compared without marks."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.accounts.model import Organisation
from dothi.ground.text import fold
from dothi.territory import Territory

_KIND = re.compile(r"^(?:xa|phuong|dac khu|thi tran)\s+")


@dataclass(frozen=True)
class Resolved:
    """What a name means: one unit, every commune of the province (`many`), or nothing with `candidates` to choose."""

    name: str
    code: str = ""
    many: bool = False
    body: str = ""  # The body's own name, where the code is that of the province which it belongs to.
    candidates: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _aliases() -> dict[str, Any]:
    text = resources.files("dothi.programme.directives").joinpath("units.toml").read_text("utf-8")
    return tomllib.loads(text)


def resolve(territory: Territory, home: str, name: str, known: Iterable[Organisation] = ()) -> Resolved:
    """The unit that `name` means in the province `home` (its code; "" when the city has none).

    An organisation of that very name, in or above the province, comes before the aliases.
    """
    said, table = fold(name).strip(" .;:,"), _aliases()
    if not said:
        return Resolved(name)
    same = [one.id for one in known if said in (fold(one.name), one.id) and one.unit[:2] == home]
    if same:
        return Resolved(name, same[0] if len(same) == 1 else "", candidates=tuple(same[1:] and same))
    if re.fullmatch(r"\d{2}|\d{5}", said):
        return Resolved(name, said) if territory.knows(said) else Resolved(name)
    whole = table["whole"].get(said)
    if whole and home:
        return Resolved(name, home if whole == "home" else whole)
    if home and said.startswith(tuple(table["many"]["begins"])):
        return Resolved(name, home, many=True)
    found = _commune(territory, home, re.sub(rf"^{table['commune']['before']}", "", said))
    if found.code or found.candidates:
        return Resolved(name, found.code, candidates=found.candidates)
    if home and said.startswith(tuple(table["province"]["begins"])):
        return Resolved(name, home, body=name.strip())
    return _province(territory, name, said)


def _commune(territory: Territory, home: str, said: str) -> Resolved:
    """The commune of that name: with its kind (xã, phường) or without, inside the province where there is one."""
    bare = _KIND.sub("", said)
    if not home:
        return Resolved(said)
    hits = [
        one
        for one in territory.communes_of(home)
        if fold(one.name) == said or (bare == said and fold(one.short) == bare)
    ]
    if len(hits) == 1:
        return Resolved(said, hits[0].code)
    return Resolved(said, candidates=tuple(one.code for one in hits))


def _province(territory: Territory, name: str, said: str) -> Resolved:
    bare = re.sub(r"^(?:ubnd\s+)?(?:tinh|thanh pho|tp\.?)\s+", "", said)
    hits = [one for one in territory.provinces() if fold(one.short) == bare]
    return Resolved(name, hits[0].code) if len(hits) == 1 else Resolved(name)

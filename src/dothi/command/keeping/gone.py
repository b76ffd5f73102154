"""What must be gone: who was erased, kept beside the backups, apart and newest, so that no restore revives it.

The list only grows. It holds pseudonyms and the names of lockers, whose keys are destroyed: nobody is known by it.
"""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import msgspec

from dothi.accounts.model import Erasure
from dothi.accounts.store.opening import open_database
from dothi.command.keeping.snapshot import VAULT
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Place

NAME = "gone.json"
_ASKED = "SELECT pseudonym, at, by_whom, reason FROM erasure ORDER BY at, pseudonym"


def known(place: Place) -> list[Erasure]:
    """Everybody who must be gone, oldest first. Invalid when the list is damaged."""
    try:
        found = msgspec.json.decode(place.read(NAME), type=list[dict[str, str | int]])
        return [Erasure(str(o["pseudonym"]), int(o["at"]), str(o["by"]), str(o["reason"])) for o in found]
    except Missing:
        return []
    except (msgspec.DecodeError, KeyError, ValueError) as broken:
        raise Invalid(f"{place.address}/{NAME} is damaged: without it the erased would come back.") from broken


def of_city(data: Path, store: str = "") -> list[Erasure]:
    """Everybody erased in a city so far."""
    if store:
        database = open_database(data, "vault", store)
        try:
            return [Erasure(*row) for row in database.read(_ASKED)]
        finally:
            database.close()
    if not (data / VAULT).is_file():
        return []
    with closing(sqlite3.connect(f"{(data / VAULT).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return [Erasure(*row) for row in connection.execute(_ASKED)]


def remember(place: Place, data: Path, store: str = "") -> list[Erasure]:
    """Bring the list at the place up to date; returns it."""
    before = known(place)
    names = {one.pseudonym for one in before}
    fresh = [one for one in of_city(data, store) if one.pseudonym not in names]
    if fresh:
        place.write(NAME, msgspec.json.encode([asdict(one) for one in (*before, *fresh)]))
    return [*before, *fresh]

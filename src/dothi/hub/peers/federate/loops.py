"""Loops cut by the Via header (RFC 9110, 7.6.3; clauses 4.3.6.4 and 6.3.18): who was passed, and who we are."""

import re
import secrets
from pathlib import Path

# received-protocol RWS received-by [ RWS comment ]; a comment may hold no comma here.
_HOP = re.compile(r"\s*(?:[!#$%&'*+.^_`|~\w-]+/)?[!#$%&'*+.^_`|~\w-]+\s+([^\s,()]+)\s*(?:\([^()]*\))?\s*")
_FILE = "alias"
_LONGEST = 200


def passed(via: str | None) -> frozenset[str]:
    """The pseudonyms of those that a request passed, by its Via header."""
    found = (_HOP.fullmatch(part) for part in (via or "").split(","))
    return frozenset(hop[1] for hop in found if hop)


def via(before: str | None, own: str) -> str:
    """The Via header to send on: what came with us added at its end."""
    return f"{before}, 1.1 {own}" if before else f"1.1 {own}"


def alias_of(hub_name: str, tenant: str) -> str:
    """The contextSourceAlias of one tenant of a hub (clause 5.2.40): each tenant is a source of its own."""
    return f"{hub_name}~{tenant}" if tenant else hub_name


def name_of(folder: Path) -> str:
    """The pseudonym of the hub in `folder`, made once and kept: the same as long as the data live."""
    place = folder / _FILE
    if place.is_file() and (kept := place.read_text("ascii").strip()):
        return kept[:_LONGEST]
    name = f"dothi-{secrets.token_hex(8)}"
    place.write_text(name + "\n", "ascii")
    return name

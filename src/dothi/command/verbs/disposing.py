"""`dothi dispose`: what the rules would end today, and whether anything is left of somebody who was erased."""

import argparse
import asyncio
import sys

from dothi.accounts.vault import erasures
from dothi.app import close_city, open_city
from dothi.command.verbs.saying import say, show
from dothi.ground.errors import Conflict, Invalid
from dothi.office.lifecycle.disposals.due import dry_run
from dothi.office.lifecycle.persons.erasing import proof_of
from dothi.office.lifecycle.persons.proving import beside_lists, search
from dothi.settings import Settings


def dispose(given: argparse.Namespace, settings: Settings) -> None:
    """Count what is due, of a city that is not served just now; or look for somebody in every byte of its folder.

    Nothing is destroyed here: that takes two persons, on the page or by the API. Conflict when somebody is found.
    """
    if given.erased:
        _look_for(given.erased, settings)
    elif given.dry_run:
        asyncio.run(_count(settings))
    else:
        raise Invalid("Say --dry-run, or --erased with a pseudonym: disposals themselves are decided by two persons.")


async def _count(settings: Settings) -> None:
    parts = await open_city(settings)
    try:
        lines = dry_run(parts.life)
        show({"lines": [line.as_json() for line in lines], "due": sum(line.hot + line.cold for line in lines)})
    finally:
        await close_city(parts)


def _look_for(pseudonym: str, settings: Settings) -> None:
    """The pseudonym, and every further trace that stands on the input, one a line."""
    more = [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin if line.strip()]
    proof = asyncio.run(_proof(pseudonym, settings))
    found = search(settings.data, {pseudonym.encode(), *(trace.encode() for trace in more)})
    left = beside_lists(found.hits, pseudonym)
    for hit in left:
        say(f"FOUND  {hit.file}: {hit.times} times")
    if left:
        raise Conflict(f"Something of {pseudonym} is left: {len(left)} finds in {found.files:,} files.")
    say(f"{proof} Nothing is left in {found.files:,} files, {found.bytes:,} bytes; traces looked for: {1 + len(more)}.")


async def _proof(pseudonym: str, settings: Settings) -> str:
    parts = await open_city(settings)
    try:
        known = any(one.pseudonym == pseudonym for one in erasures(parts.citizens.vault))
        proof = proof_of(parts.life, pseudonym)
        if not known or proof is None:
            raise Invalid(f"Nobody with the pseudonym {pseudonym} was erased here.")
        return f"Erased on {proof.value('erasedAt')}; proof {proof.id} ({proof.value('state')})."
    finally:
        await close_city(parts)

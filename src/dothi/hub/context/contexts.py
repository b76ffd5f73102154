"""Contexts as requests give them (inline, by address, nested): compiled once, fetched only from allowed hosts."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dothi.ground.errors import ContextUnavailable, Invalid
from dothi.hub.context.core import KNOWN_URLS
from dothi.hub.context.fetch import fetch_json
from dothi.hub.context.names import CORE, Names, compile_terms

MOST_CONTEXTS = 200  # Compiled contexts kept; the least used one goes first.
MOST_TERMS = 20_000
LONGEST_KEPT = 50_000  # Characters; a longer inline context is compiled for its request only.
DEEPEST = 8  # Contexts that name contexts that name contexts.
FRESH_S = 24 * 3600.0  # A fetched context is used this long before it is fetched again.
BROKEN_S = 60.0  # A failed fetch is remembered this long, so that a dead host is not asked by every request.

Fetch = Callable[[str], object]


class _Kept(NamedTuple):
    """A fetched document, or the reason why there is none, and until when this holds (s, monotonic)."""

    document: object
    problem: ContextUnavailable | Invalid | None
    until: float


class Contexts:
    """All contexts that this process knows. Bounded; contexts from outside expire."""

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        built_in: Mapping[str, object] = {},
        fetch: Fetch = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`allowed_hosts`: hosts (host or host:port) that may be asked; `built_in`: further documents by address."""
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._built_in = dict(built_in)
        self._fetch = fetch
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._compiled: OrderedDict[str, tuple[Names, float]] = OrderedDict()

    def resolve(self, value: object) -> Names:
        """The names of a context value (None, address, object or array), from what is at hand.

        Raises ContextUnavailable when a remote part was not fetched before: `obtain` fetches it. Invalid when the
        value is no context.
        """
        if value is None or (isinstance(value, str) and value in KNOWN_URLS):
            return CORE
        key = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        found = self._compiled.get(key)
        if found is not None and found[1] > self._clock():
            self._compiled.move_to_end(key)
            return found[0]
        terms = self._terms(value, {}, 0)
        if len(terms) > MOST_TERMS:
            raise Invalid(f"The @context defines {len(terms)} terms; at most {MOST_TERMS} are taken.")
        names = Names(terms, value if isinstance(value, str) else None, value, self._has_core(value, 0))
        if len(key) <= LONGEST_KEPT:
            self._keep(self._compiled, key, (names, self._clock() + FRESH_S))
        return names

    async def obtain(self, value: object) -> Names:
        """Like resolve, after fetching what is missing from allowed hosts (in a thread)."""
        if value is None:
            return CORE
        for _ in range(DEEPEST):
            missing = sorted(self._missing(value, 0))
            if not missing:
                break
            for address in missing:
                await self._load(address)
        return self.resolve(value)

    def _terms(self, value: object, known: dict[str, str], depth: int) -> dict[str, str]:
        if depth > DEEPEST:
            raise Invalid(f"The @context nests more than {DEEPEST} levels deep.")
        if value is None:
            return {}  # null clears what stood before (JSON-LD 1.1, 4.1).
        if isinstance(value, list):
            for part in value:
                known = self._terms(part, known, depth + 1)
            return known
        if isinstance(value, str):
            return known if value in KNOWN_URLS else self._terms(self._document(value), known, depth + 1)
        if isinstance(value, dict):
            _check_definitions(value)
            return compile_terms(value, known)
        raise Invalid("@context must be an address, an object, or an array of these.")

    def _has_core(self, value: object, depth: int) -> bool:
        if isinstance(value, list):
            return any(self._has_core(part, depth + 1) for part in value)
        if not isinstance(value, str) or depth > DEEPEST:
            return False
        return value in KNOWN_URLS or self._has_core(self._document(value), depth + 1)

    def _document(self, address: str) -> object:
        if address in self._built_in:
            return context_of(self._built_in[address], address)
        kept = self._kept.get(address)
        if kept is None:
            self._check_allowed(address)
            raise ContextUnavailable(f"The @context {address} has not been fetched.")
        if kept.problem is not None:
            raise type(kept.problem)(kept.problem.detail)
        return context_of(kept.document, address)

    def _missing(self, value: object, depth: int) -> set[str]:
        """Addresses in `value` (and in what is known behind them) that are to be fetched now."""
        if depth > DEEPEST:
            return set()
        if isinstance(value, list):
            return set().union(*(self._missing(part, depth + 1) for part in value))
        if not isinstance(value, str) or value in KNOWN_URLS or value in self._built_in:
            return set()
        kept = self._kept.get(value)
        if kept is None or kept.until <= self._clock():
            return {value}
        if kept.problem is not None:
            raise type(kept.problem)(kept.problem.detail)
        return self._missing(context_of(kept.document, value), depth + 1)

    async def _load(self, address: str) -> None:
        self._check_allowed(address)
        document: object = None
        problem: ContextUnavailable | Invalid | None = None
        try:
            document = await asyncio.to_thread(self._fetch, address)
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            problem = Invalid(f"The @context {address} is not JSON.")
        except (OSError, ValueError) as error:
            problem = ContextUnavailable(f"The @context {address} cannot be read: {error}.")
        holds = FRESH_S if problem is None else BROKEN_S
        self._keep(self._kept, address, _Kept(document, problem, self._clock() + holds))
        # What was compiled from an older copy of it must not outlive that copy.
        self._compiled.clear()

    def _check_allowed(self, address: str) -> None:
        try:
            parts = urlsplit(address)
            host = parts.netloc.lower()
        except ValueError:
            raise Invalid(f"The @context address {address[:200]!r} is no address.") from None
        if parts.scheme not in ("http", "https") or not host:
            raise Invalid(f"The @context address {address[:200]!r} must begin with http:// or https://.")
        if host not in self._allowed:
            raise ContextUnavailable(
                f"The @context {address[:200]} is not fetched: its operator has not allowed the host {host}. "
                "Send the context inline in the body (application/ld+json), or ask the operator to allow the host."
            )

    @staticmethod
    def _keep(cache: OrderedDict[str, Any], key: str, value: object) -> None:
        cache[key] = value
        cache.move_to_end(key)
        while len(cache) > MOST_CONTEXTS:
            cache.popitem(last=False)


def context_of(document: object, address: str) -> object:
    """The @context member of a JSON-LD document. Invalid when it has none."""
    if not isinstance(document, dict) or "@context" not in document:
        raise Invalid(f"The document at {address} is no JSON-LD context: it has no member @context.")
    return document["@context"]


def _check_definitions(definitions: Mapping[str, object]) -> None:
    """Refuse what could re-shape the core (clause 5.5.7): scoped contexts and imports."""
    for term, definition in definitions.items():
        if term == "@import" or (isinstance(definition, dict) and "@context" in definition):
            raise Invalid(
                f"The @context holds a scoped context or import at {term!r}; NGSI-LD forbids it (clause 5.5.7)."
            )
        if not isinstance(definition, str | dict | bool | float | int | None):
            raise Invalid(f"The @context defines {term!r} by something that is neither a string nor an object.")

"""Contexts as requests give them (inline, by address, nested): compiled once, fetched only from allowed hosts."""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from dothi.ground.clock import SECOND, now_us
from dothi.ground.errors import ContextUnavailable, DothiError, Invalid
from dothi.hub.context.core import KNOWN_URLS
from dothi.hub.context.fetch import Fetched, fetch_json
from dothi.hub.context.names import CORE, Names, compile_terms
from dothi.hub.context.shelf import CACHED, IMPLICIT, NO_SHELF, PATH, Shelf, Shelved, id_for, local_id
from dothi.hub.context.subjects import subject_terms

log = logging.getLogger(__name__)

MOST_CONTEXTS = 200  # Compiled contexts kept; the least used one goes first.
MOST_TERMS = 20_000
LONGEST_KEPT = 50_000  # Characters; a longer inline context is compiled for its request only.
DEEPEST = 8  # Contexts that name contexts that name contexts.
FRESH_S = 24 * 3600.0  # A fetched context is used this long before it is fetched again, where its server says nothing.
BROKEN_S = 20.0  # A failed fetch is remembered this long, so that a dead host is not asked by every request.

Fetch = Callable[[str], Fetched]


class _Kept(NamedTuple):
    """A fetched document, or the reason why there is none, and until when this holds (s, monotonic)."""

    document: object
    problem: ContextUnavailable | Invalid | None
    until: float
    created_at: int  # µs
    expires_at: int  # µs


class Use(NamedTuple):
    """How often a context was found here since this process began, and when last (µs)."""

    hits: int
    last: int


class Contexts:
    """All contexts that this process knows. Bounded; contexts from outside expire, and come back from the shelf."""

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        built_in: Mapping[str, object] = {},
        fetch: Fetch = fetch_json,
        clock: Callable[[], float] = time.monotonic,
        shelf: Shelf = NO_SHELF,
        home: str = "",
    ) -> None:
        """`allowed_hosts`: hosts (host or host:port) that may be asked; `built_in`: further documents by address.

        `home` is the public address of this hub, at which hosted contexts are served.
        """
        self.home = home
        self.since = now_us()
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._built_in = dict(built_in)
        self._fetch = fetch
        self._clock = clock
        self._shelf = shelf
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._compiled: OrderedDict[str, tuple[Names, float]] = OrderedDict()
        self._uses: OrderedDict[str, Use] = OrderedDict()
        self._lent: OrderedDict[str, Shelved] = OrderedDict()

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
            _keep(self._compiled, key, (names, self._clock() + FRESH_S))
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
        names = self.resolve(value)
        parts: Iterable[object] = value if isinstance(value, list) else (value,)
        for part in parts:
            if isinstance(part, str):
                self.count(local_id(part) or part)
        return names

    async def reload(self, address: str) -> None:
        """Fetch a cached context again now (clause 5.13.5). ContextUnavailable when that fails: the copy stays."""
        self._check_allowed(address)
        try:
            await self._take(address)
        except (ContextUnavailable, Invalid) as wrong:
            raise ContextUnavailable(wrong.detail) from None

    def knows(self, address: str) -> bool:
        """Whether a context is part of dothi: the core's, a subject of the Smart Data Models, the own vocabulary."""
        return address in KNOWN_URLS or address in self._built_in or subject_terms(address) is not None

    def cached(self) -> Iterator[Shelved]:
        """The fetched contexts in memory."""
        for address, kept in self._kept.items():
            if kept.document is not None:
                yield _shelved(address, kept)

    def used(self) -> dict[str, Use]:
        """How often each context was found, by local identifier of what is hosted, else by address."""
        return dict(self._uses)

    def lend(self, value: object) -> str:
        """Where a context that came inline can be read for a while, so that an answer can name it (clause 6.3.6)."""
        identifier = id_for(json.dumps(value, sort_keys=True))
        _keep(self._lent, identifier, Shelved(identifier, IMPLICIT, {"@context": value}, created_at=now_us()))
        return self.home + PATH + identifier

    def lent(self, identifier: str) -> Shelved | None:
        """A context that was lent and is still here."""
        return self._lent.get(identifier)

    def count(self, name: str) -> None:
        """Note that a context was found here."""
        before = self._uses.get(name)
        _keep(self._uses, name, Use(before.hits + 1 if before else 1, now_us()))

    def forget(self, name: str) -> None:
        """A context was taken away or changed: nothing compiled from it, and no copy of it, is used any more."""
        for cache in (self._kept, self._uses, self._lent):
            cache.pop(name, None)
        self._compiled.clear()

    def renew(self) -> None:
        """Another process changed what is on the shelf: read it from there again."""
        self._kept.clear()
        self._compiled.clear()

    def check(self, value: object, depth: int = 0) -> None:
        """Raise Invalid unless a value has the shape of a context, whatever lies behind its addresses."""
        if depth > DEEPEST:
            raise Invalid(f"The @context nests more than {DEEPEST} levels deep.")
        if isinstance(value, list):
            for part in value:
                self.check(part, depth + 1)
        elif isinstance(value, dict):
            _check_definitions(value)
        elif isinstance(value, str):
            _split(value)
        elif value is not None:
            raise Invalid("@context must be an address, an object, or an array of these.")

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
        """The context behind an address: our own, on the shelf, or fetched before."""
        own = self._own(address)
        if own is not None:
            return own
        kept = self._remembered(address)
        if kept is None:
            self._check_allowed(address)
            raise ContextUnavailable(f"The @context {address} has not been fetched.")
        if kept.problem is not None:
            raise type(kept.problem)(kept.problem.detail)
        return context_of(kept.document, address)

    def _own(self, address: str) -> object:
        if address in self._built_in:
            return context_of(self._built_in[address], address)
        terms = subject_terms(address)
        if terms is not None:
            return terms
        local = local_id(address)
        hosted = (self._shelf.read(local) or self.lent(local)) if local is not None else None
        return context_of(hosted.document, address) if hosted is not None else None

    def _remembered(self, address: str) -> _Kept | None:
        """What was fetched from an address; a copy on the shelf counts as one that is to be fetched anew."""
        kept = self._kept.get(address)
        if kept is None:
            copy = self._shelf.read(id_for(address))
            if copy is not None:
                kept = _Kept(copy.document, None, self._clock(), copy.created_at, copy.expires_at)
                _keep(self._kept, address, kept)
        return kept

    def _missing(self, value: object, depth: int) -> set[str]:
        """Addresses in `value` (and in what is known behind them) that are to be fetched now."""
        if depth > DEEPEST:
            return set()
        if isinstance(value, list):
            return set().union(*(self._missing(part, depth + 1) for part in value))
        if not isinstance(value, str) or value in KNOWN_URLS:
            return set()
        own = self._own(value)
        if own is not None:
            return self._missing(own, depth + 1)
        kept = self._remembered(value)
        if kept is None or kept.until <= self._clock():
            return {value}
        if kept.problem is not None:
            raise type(kept.problem)(kept.problem.detail)
        return self._missing(context_of(kept.document, value), depth + 1)

    async def _load(self, address: str) -> None:
        """Fetch what is not fresh; where that fails a copy from before is used on, else the failure is remembered."""
        before = self._remembered(address)
        try:
            self._check_allowed(address)
            await self._take(address)
        except (ContextUnavailable, Invalid) as problem:
            until = self._clock() + BROKEN_S
            if before is not None and before.document is not None:
                _keep(self._kept, address, before._replace(until=until))
                return
            if _split(address) not in self._allowed:
                raise
            plain = type(problem)(problem.detail)  # Without what caused it, which may hold a connection.
            _keep(self._kept, address, _Kept(None, plain, until, 0, 0))

    async def _take(self, address: str) -> None:
        """Fetch and keep, here and on the shelf. Raises ContextUnavailable or Invalid, and changes nothing then."""
        try:
            fetched = await asyncio.to_thread(self._fetch, address)
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            raise Invalid(f"The @context {address} is not JSON.") from None
        except (OSError, ValueError) as error:
            raise ContextUnavailable(f"The @context {address} cannot be read: {error}.") from None
        value = _absolute(context_of(fetched.document, address), address)
        self.check(value)
        holds = FRESH_S if fetched.holds is None else fetched.holds
        now = now_us()
        kept = _Kept({"@context": value}, None, self._clock() + holds, now, now + int(holds * SECOND))
        before = self._kept.get(address)
        _keep(self._kept, address, kept)
        # What was compiled from an older copy of it must not outlive that copy.
        self._compiled.clear()
        if before is None or before.document != kept.document:
            try:
                await self._shelf.keep(_shelved(address, kept))
            except DothiError as refused:
                log.warning("a copy of the @context %s is not kept: %s", address, refused.detail)

    def _check_allowed(self, address: str) -> None:
        host = _split(address)
        if not host:
            raise ContextUnavailable(f"There is no @context {address} here.")
        if host not in self._allowed:
            raise ContextUnavailable(
                f"The @context {address[:200]} is not fetched: its operator has not allowed the host {host}. "
                "Send the context inline in the body (application/ld+json), or ask the operator to allow the host."
            )


def _split(address: str) -> str:
    """The host (and port) of an address, "" of a local identifier. Invalid when it is no address of http(s)."""
    if local_id(address) == address:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.netloc.lower()
    except ValueError:
        raise Invalid(f"The @context address {address[:200]!r} is no address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid(f"The @context address {address[:200]!r} must begin with http:// or https://.")
    return host


def _absolute(value: object, base: str) -> object:
    """A context with the addresses in it made absolute: in a document they are relative to its own (JSON-LD 1.1)."""
    if isinstance(value, list):
        return [_absolute(part, base) for part in value]
    return urljoin(base, value) if isinstance(value, str) else value


def _shelved(address: str, kept: _Kept) -> Shelved:
    return Shelved(id_for(address), CACHED, kept.document, "", address, kept.created_at, kept.expires_at)


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

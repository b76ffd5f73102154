"""Calls to others outside: one HTTP client with limits of time and bytes, which goes only where it may.

Addresses come from strangers (endpoints of subscriptions, of registrations), so an address of this machine or of a
private network is refused unless the operator named its host (decision 0150). The check is made on the address that is
connected to, so that a name which changes its mind meanwhile leads nowhere.
"""

import asyncio
import ipaddress
import socket
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from dothi.ground.errors import Forbidden, Invalid, Unavailable

MIB = 1024 * 1024
ANYWHERE = "*"
_KEPT_S = 3.0  # Servers close idle connections after 5 s; one that is just being closed loses a call.
_EACH_HOST = 32  # Connections to one host at most.
_MOST_HOPS = 3
_SAME_METHOD = frozenset({307, 308})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HOPS = frozenset({301, 302, 303, *_SAME_METHOD})


class OffLimits(Forbidden):
    """The address is none that this hub may call."""


class Unreachable(Unavailable):
    """There was no answer: no such host, refused, cut off."""


class TimedOut(Unreachable):
    """There was no answer in time."""


class Oversized(Unreachable):
    """The answer was larger than the limit."""


class Response(NamedTuple):
    """What came back; header names in lower case, one given several times joined by commas."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reach:
    """Where calls may go: any public address, and the hosts named here wherever they are; "*" is everywhere."""

    hosts: frozenset[str] = frozenset()

    def allows(self, host: str) -> bool:
        """Whether a host, as written in an address, may be called as far as can be told without asking DNS."""
        plain = unicodedata.normalize("NFKC", host).replace("。", ".").rstrip(".").lower()
        return self.names(host) or (plain != "localhost" and _public(plain) is not False)

    def names(self, host: str) -> bool:
        """Whether the operator named this host."""
        return ANYWHERE in self.hosts or host.lower() in self.hosts

    def check(self, host: str) -> None:
        """Raise OffLimits for what `allows` says no to."""
        if not self.allows(host):
            raise OffLimits(
                f"The host {host[:200]} is of this machine or of a private network, and the operator did not allow it "
                "(setting peer_hosts)."
            )


EVERYWHERE = Reach(frozenset({ANYWHERE}))


class Wire:
    """The one client of a hub. Used from the event loop; `close` ends its connections."""

    def __init__(self, reach: Reach = Reach(), most: int = 16 * MIB) -> None:
        """`most`: bytes of one answer."""
        self.reach = reach
        self._most = most
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None, timeout: float = 10.0
    ) -> Response:
        """One call; `timeout` in seconds bounds all of it. Redirects are followed within the same origin only.

        OffLimits for an address that may not be called, Invalid for one that is none, TimedOut, Unreachable.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._hop(method, url, headers, body)
        except TimeoutError:
            raise TimedOut(f"{url[:200]} gave no answer within {timeout:g} s.") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as wrong:
            raise Invalid(f"{url[:200]} is no address that can be called: {wrong}.") from None
        except (aiohttp.ClientError, OSError) as failed:
            refused = _cause(failed)
            if refused is not None:
                raise refused from None
            raise Unreachable(f"{url[:200]} cannot be reached: {str(failed)[:200] or type(failed).__name__}.") from None

    async def close(self) -> None:
        """End every connection."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()

    async def _hop(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        for _ in range(_MOST_HOPS):
            response = await self._once(method, url, headers, body)
            onward = _onward(url, method, response)
            if onward is None:
                return response
            url = onward
        return response

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        self.reach.check(_parts(url).hostname or "")
        session = self._opened()
        async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
            content = await self._content(answer, url)
            return Response(answer.status, _joined(answer), content)

    async def _content(self, answer: aiohttp.ClientResponse, url: str) -> bytes:
        parts, size = [], 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > self._most:
                answer.close()
                raise Oversized(f"The answer of {url[:200]} has more than {self._most} bytes.")
            parts.append(part)
        return b"".join(parts)

    def _opened(self) -> aiohttp.ClientSession:
        """The session of the running loop."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            connector = aiohttp.TCPConnector(
                limit=0, limit_per_host=_EACH_HOST, keepalive_timeout=_KEPT_S, resolver=_Resolver(self.reach)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                skip_auto_headers=("Content-Type",),
                trust_env=False,
            )
            self._loop = loop
        return self._session


class _Resolver(AbstractResolver):
    """Names to addresses, those left out that may not be called."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family_found,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family_found, address in await addresses(self._reach, host, port, family)
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def addresses(
    reach: Reach, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of a host that may be called. OSError when there is no such host, OffLimits when none may be."""
    reach.check(host)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
    kept: list[tuple[socket.AddressFamily, str]] = [(kind, str(place[0])) for kind, _, _, _, place in found]
    allowed = [one for one in kept if reach.names(host) or reach.names(one[1]) or _public(one[1])]
    if not allowed:
        raise OffLimits(
            f"The host {host[:200]} lies on this machine or in a private network, and the operator did not allow it "
            "(setting peer_hosts)."
        )
    return allowed


def _public(host: str) -> bool | None:
    """Whether an address is one of the whole internet; None for a name, of which only DNS knows."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        # Digits and dots alone are an address in an odd form (127.1, 2130706433), which systems understand unasked.
        return False if host.replace(".", "").isdigit() or ":" in host else None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside one of NAT64 (RFC 6052)."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _onward(url: str, method: str, response: Response) -> str | None:
    """Where an answer sends us, when that is the same origin and the call may be made there again."""
    place = response.headers.get("location")
    if place is None or response.status not in _HOPS:
        return None
    if response.status not in _SAME_METHOD and method not in ("GET", "HEAD"):
        return None
    onward = urljoin(url, place)
    there, here = _parts(onward), _parts(url)
    return onward if (there.scheme, there.netloc) == (here.scheme, here.netloc) else None


def _parts(url: str) -> SplitResult:
    # As the client spells it that will call it: letters that look like digits or dots become such (127。0。0。1).
    parts = urlsplit(str(URL(url)))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must begin with http:// or https:// and name a host")
    return parts


def _joined(answer: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _cause(error: BaseException) -> OffLimits | None:
    """The refusal of the resolver, which the client wraps in an error of its own."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, OffLimits):
        inner = inner.__cause__ or inner.__context__
    return inner

"""Reading one JSON document from an allowed host: small, quick, and never by a redirect to elsewhere."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, NamedTuple
from urllib.parse import urlsplit

MOST_BYTES = 2_000_000
TIMEOUT_S = 10.0
_AGES = (re.compile(r"\bs-maxage\s*=\s*\"?(\d{1,9})"), re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})"))
_AT_ONCE = re.compile(r"\bno-(?:store|cache)\b")


class Fetched(NamedTuple):
    """A document, and for how long (s) its server says that it holds; None when it does not say."""

    document: object
    holds: float | None = None


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host only, since only that host was allowed."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).netloc.lower() != urlsplit(req.full_url).netloc.lower():
            raise ValueError(f"it redirects to another host, {newurl[:200]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetch_json(address: str) -> Fetched:
    """The JSON document at an http(s) address. OSError or ValueError when it cannot be read."""
    request = urllib.request.Request(  # noqa: S310  The caller has checked scheme and host.
        address, headers={"Accept": "application/ld+json, application/json"}
    )
    opener = urllib.request.build_opener(_SameHost(), urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            body = response.read(MOST_BYTES + 1)
            holds = freshness({name.lower(): value for name, value in response.headers.items()}, datetime.now(UTC))
    except urllib.error.HTTPError as refused:
        refused.close()
        raise ValueError(f"its server answered {refused.code}") from None
    if len(body) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    return Fetched(json.loads(body), holds)


def freshness(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long (s) an answer holds by Cache-Control, else by Expires; None when neither says (clause 6.3.16)."""
    control = headers.get("cache-control", "").lower()
    if _AT_ONCE.search(control):
        return 0.0
    for age in _AGES:
        found = age.search(control)
        if found is not None:
            return float(found[1])
    expires = headers.get("expires")
    if expires is None:
        return None
    try:
        moment = parsedate_to_datetime(expires)
    except ValueError:
        return 0.0  # RFC 9111, 5.3: a date that cannot be read is in the past.
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())

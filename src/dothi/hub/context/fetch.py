"""Reading one JSON document from an allowed host: small, quick, and never by a redirect to elsewhere."""

import json
import urllib.request
from typing import IO
from urllib.parse import urlsplit

MOST_BYTES = 2_000_000
TIMEOUT_S = 10.0


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a host only, since only that host was allowed."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).netloc.lower() != urlsplit(req.full_url).netloc.lower():
            raise ValueError(f"it redirects to another host, {newurl[:200]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetch_json(address: str) -> object:
    """The JSON document at an http(s) address. OSError or ValueError when it cannot be read."""
    request = urllib.request.Request(  # noqa: S310  The caller has checked scheme and host.
        address, headers={"Accept": "application/ld+json, application/json"}
    )
    opener = urllib.request.build_opener(_SameHost(), urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as response:
        body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    return json.loads(body)

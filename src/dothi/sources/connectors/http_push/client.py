"""Sending a file to a running server, for `dothi import` where another process holds the data folder."""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing, Unauthenticated, Unavailable
from dothi.sources.model import ImportReport

_KINDS: dict[int, type[DothiError]] = {400: Invalid, 401: Unauthenticated, 403: Forbidden, 404: Missing}


def push_file(
    base_url: str,
    key: str,
    path: Path,
    mapping: str,
    source_id: str = "",
    dry_run: bool = False,
    timeout_s: float = 3600,
) -> ImportReport:
    """Send a file to the server at `base_url` (http://127.0.0.1:8000) and wait for the report.

    `key` is an API key with scope source:<id>; `mapping` is the name of one that the server knows. Raises the kind of
    error that the server answered, Unavailable when it cannot be reached.
    """
    if not path.is_file():
        raise Missing(f"{path.name}: there is no such file.")
    asked = urllib.parse.urlencode({"mapping": mapping, "name": path.name, "dryRun": str(dry_run).lower()})
    address = f"{base_url.rstrip('/')}/api/sources/{urllib.parse.quote(source_id or mapping)}/file?{asked}"
    if not address.startswith(("http://", "https://")):
        raise Invalid(f"{base_url!r} is no web address; it begins with http:// or https://.")
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(path.stat().st_size),
    }
    with path.open("rb") as body:
        request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
        return _report(_send(request, timeout_s))


def _send(request: urllib.request.Request, timeout_s: float) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - http and https only
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            raise _KINDS.get(error.code, Unavailable)(_detail(error.read(), error.code)) from error
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise Unavailable(f"The server does not answer: {error}.") from error


def _detail(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {status}."


def _report(said: dict[str, Any]) -> ImportReport:
    said["examples"] = tuple(said["examples"])
    return ImportReport(**said)

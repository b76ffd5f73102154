"""The channel of phones: a signed HTTP request to the operator's gateway for SMS or Zalo."""

import asyncio
import hashlib
import hmac
import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import IO

import msgspec

from dothi.accounts.model import Identity
from dothi.ground.clock import now_us
from dothi.office.messages.model import Letter, NotNow, Refused

TIMEOUT_S = 20
DIGITS_MIN = 9
_TOO_MANY, _TIMEOUT, _FAULT = 429, 408, 500
_LATER = (ssl.SSLError, http.client.HTTPException, TimeoutError, OSError)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed body goes to the address that the operator named and to no other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        """No further request."""


@dataclass(frozen=True)
class Gateway:
    """POSTs {"id", "to", "text"} as JSON to `url`; 2xx is taken over, 4xx is for ever, the rest is tried again.

    `X-Dothi-Signature` is the HMAC-SHA-256 of `X-Dothi-Time`, a dot and the body, in hex; `Idempotency-Key` is the
    same at each try.
    """

    url: str
    secret: str = field(repr=False)
    name: str = "phone"

    def address(self, who: Identity) -> str:
        """The person's phone number: digits, with + where it was given."""
        number = "".join(sign for sign in who.phone if sign.isdigit() or sign == "+")
        return number if len(number) >= DIGITS_MIN else ""

    async def send(self, address: str, letter: Letter) -> None:
        """One request in a thread."""
        body = msgspec.json.encode({"id": letter.id, "to": address, "text": letter.short})
        await asyncio.to_thread(post, self.url, body, signed(self.secret, body, letter.id))


def signed(secret: str, body: bytes, key: str) -> dict[str, str]:
    """The headers of a signed request; `key` is the same at each try."""
    at = str(now_us() // 1_000_000)
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "X-Dothi-Time": at,
        "X-Dothi-Signature": signature(secret, at, body),
    }


def signature(secret: str, at: str, body: bytes) -> str:
    """What the gateway computes again to know that the city wrote this, and when (seconds since 1970)."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """One POST of JSON. Refused for ever, NotNow to be tried again; no redirect is followed."""
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  # The operator's setting.
    opener = urllib.request.build_opener(_NoRedirect(), urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError as refused:
        refused.close()
        later = refused.code >= _FAULT or refused.code in (_TOO_MANY, _TIMEOUT)
        raise (NotNow if later else Refused)(f"http {refused.code}") from refused
    except _LATER as fault:
        raise NotNow(f"http {type(fault).__name__}") from fault

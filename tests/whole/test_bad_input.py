"""Bad input at every door: a clear 4xx problem, never a crash, and nothing half written."""

import io
import json
import re
import struct
import zipfile
import zlib
from collections import Counter
from typing import Any

import pytest

from dothi.web.site import find_pages
from tests.whole.city import COMMUNE, OPERATOR, Whole

JSON = {"Content-Type": "application/json"}
DEEP = 100_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"id": "urn:x:1", "type":',
    "no utf-8": b'{"id": "urn:x:1", "type": "\xff\xfe"}',
    "utf-16": '{"id": "urn:x:1"}'.encode("utf-16"),
    "a lone surrogate": b'{"id": "urn:x:1", "type": "Bench", "name": "\\ud800"}',
    "a NUL byte": b'{"id": "urn:x:1\x00", "type": "Bench"}',
    "an escaped NUL": b'{"id": "urn:x:\\u0000", "type": "Bench", "reason": "\\u0000", "login": "\\u0000"}',
    "NaN": b'{"id": "urn:x:1", "type": "Bench", "height": NaN, "percent": NaN, "limit": NaN}',
    "infinity": b'{"id": "urn:x:1", "type": "Bench", "height": 1e999, "percent": 1e999, "stars": 1e999}',
    "a huge number": b'{"percent": 1' + b"0" * 5000 + b', "stars": 1' + b"0" * 5000 + b"}",
    "the same key twice": b'{"id": "urn:x:1", "id": "urn:x:2", "type": "Bench", "type": 5}',
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "an array": b"[1, 2, 3]",
    "a text": b'"text"',
    "null": b"null",
    "wrong types": b'{"id": 5, "type": {}, "login": [], "password": {}, "roles": 7, "unit": [], "reason": 1}',
    "names of the machine": b'{"__class__": "x", "__proto__": {"a": 1}, "id": "urn:x:1", "type": "Bench"}',
}
PARAMETERS = ("urn:ngsi-ld:Task:none", "..%2F..%2Fetc%2Fpasswd", "%00", "%ff", "x" * 3000, "..;/", "'%20OR%201=1--")
KNOWN = {400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 422, 429}
MEDIA = ("text/plain", "application/xml", "multipart/form-data", "nonsense", "application/x-www-form-urlencoded")
ROLES = ("anonymous", "administrator", "data_steward", "programme_officer")


def assert_problem(status: int, content: bytes, where: str) -> None:
    """A refusal is a problem document (RFC 9457) with its four members."""
    assert status in KNOWN, f"{where}: {status} {content[:300]!r}"
    assert content.startswith(b"{"), f"{where}: {status} {content[:300]!r}"
    document = json.loads(content)
    assert {"type", "title", "status", "detail"} <= document.keys(), f"{where}: {content[:300]!r}"
    assert document["status"] == status, where


def operations(whole: Whole) -> list[tuple[str, str]]:
    """(method, path) of every operation of /api that its own description names."""
    said = whole.clients["anonymous"].get("/api/openapi.json").json()
    found = [(method.upper(), f"/api{path}") for path, one in said["paths"].items() for method in one]
    return [one for one in found if one != ("DELETE", "/api/session")]


EVERY = pytest.mark.parametrize("share", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["a fifth", "all"])


def due(number: int, place: int, share: int) -> bool:
    """Whether thing `place` is tried at door `number`: one thing in `share` at each door, and each thing somewhere."""
    return (number + place) % share == 0


@EVERY
def test_every_endpoint_survives_every_bad_body(whole: Whole, share: int) -> None:
    """Each writing endpoint of /api, bad bodies in turn, as four kinds of people: a 4xx problem, and no commit."""
    writing = [(method, path) for method, path in operations(whole) if method in ("POST", "PUT", "PATCH")]
    assert len(writing) > 25
    statuses: Counter[int] = Counter()
    before = whole.parts.hub.last_seq()
    for number, (method, path) in enumerate(writing):
        filled = re.sub(r"{\w+}", "urn:ngsi-ld:Task:none", path)
        for place, (name, body) in enumerate(BODIES.items()):
            if not due(number, place, share):
                continue
            role = ROLES[len(name) % len(ROLES)]
            for one in {role, "administrator"}:
                status, content = whole.ask(one, method, filled, body, JSON)
                where = f"{one}: {method} {path} with {name}"
                if status in (200, 201, 204):  # What needs no body cannot be spoilt by one.
                    assert path.endswith(("/password-link", "/receive", "/start", "/session")), where
                    continue
                assert_problem(status, content, where)
                statuses[status] += 1
    changed = [one for one in whole.parts.hub.log(before) if one.actor.startswith(("user:", "key:"))]
    assert changed == []
    print(f"{sum(statuses.values())} refusals of {len(writing)} endpoints: {dict(statuses)}")


@EVERY
def test_every_endpoint_survives_bad_paths_media_and_methods(whole: Whole, share: int) -> None:
    """Traversal, NUL, bad UTF-8 and long names in paths, another media type, another method: a 4xx problem."""
    tried = 0
    for number, (method, path) in enumerate(operations(whole)):
        for place, parameter in enumerate(PARAMETERS if "{" in path else ()):
            if not due(number, place, share):
                continue
            filled = re.sub(r"{\w+}", parameter, path)
            status, content = whole.ask("administrator", method, filled, b"{}" if method != "GET" else None, JSON)
            if status not in (200, 204, 307) or "passwd" in parameter:
                assert_problem(status, content, f"{method} {filled[:80]}")
            tried += 1
        plain = re.sub(r"{\w+}", "19789", path)
        for place, media in enumerate(MEDIA):
            if method in ("POST", "PUT", "PATCH") and due(number, place, share):
                status, content = whole.ask("administrator", method, plain, b"<a/>", {"Content-Type": media})
                if status >= 300:
                    assert_problem(status, content, f"{method} {plain} as {media}")
                tried += 1
        status, content = whole.ask("administrator", "PURGE", plain)
        assert_problem(status, content, f"PURGE {plain}")
        tried += 1
    print(f"{tried} bad paths, media types and methods")


NGSI_PATHS = (
    ("POST", "entities"),
    ("PUT", "entities/urn:x:1"),
    ("PATCH", "entities/urn:x:1"),
    ("POST", "entities/urn:x:1/attrs"),
    ("PATCH", "entities/urn:x:1/attrs"),
    ("PATCH", "entities/urn:x:1/attrs/height"),
    ("PUT", "entities/urn:x:1/attrs/height"),
    *(("POST", f"entityOperations/{name}") for name in ("create", "upsert", "update", "merge", "delete", "query")),
    ("POST", "temporal/entityOperations/query"),
)
POINTS: dict[str, Any] = {
    "beyond the pole": [0, 91],
    "around the world": [1e308, 0],
    "words": ["a", "b"],
    "one number": [1],
    "nothing": [],
    "deep": [[[[[1, 2]]]]],
    "null": [None, None],
}


@EVERY
def test_the_hub_survives_every_bad_body(whole: Whole, share: int) -> None:
    """Each writing route of NGSI-LD with each bad body, in turn as JSON, as JSON-LD and as neither: a 4xx problem."""
    for number, (method, path) in enumerate(NGSI_PATHS):
        for place, (name, body) in enumerate(BODIES.items()):
            for turn, media in enumerate(("application/json", "application/ld+json", "application/octet-stream")):
                if not due(number, place + turn, share):
                    continue
                status, content = whole.ask("key", method, f"/ngsi-ld/v1/{path}", body, {"Content-Type": media})
                if media == "application/octet-stream":
                    assert (status, content) == (415, b""), f"{path}: {name}"  # Clause 6.3.4: without a payload.
                elif status not in (200, 201, 204, 207):
                    assert_problem(status, content, f"{method} {path} with {name} as {media}")
                elif status in (201, 204):
                    assert name in ("a lone surrogate", "names of the machine", "an escaped NUL"), f"{path}: {name}"
    whole.ask("key", "DELETE", "/ngsi-ld/v1/entities/urn:x:1")


@pytest.mark.parametrize("what", POINTS)
def test_absurd_places_are_refused(whole: Whole, what: str) -> None:
    """A place that is none is refused by the hub and by the form of reports, and nothing is written."""
    point = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": POINTS[what]}}
    body = json.dumps({"id": "urn:x:place", "type": "Bench", "location": point}).encode()
    status, content = whole.ask("key", "POST", "/ngsi-ld/v1/entities", body, JSON)
    assert_problem(status, content, what)
    lon, lat = (*POINTS[what], "nan", "nan")[:2]
    form = {"category": "street_light", "description": "x", "lon": str(lon), "lat": str(lat)}
    answer = whole.clients["anonymous"].post("/api/reports", data=form)
    assert_problem(answer.status_code, answer.content, what)


def png(width: int, height: int) -> bytes:
    """A picture of one colour that is tiny as a file, however large it says it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\x00" * (width // 8 + 1) * min(height, 20_000), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("word/document.xml", b"\x00" * 50_000_000)
    return out.getvalue()


FILES: dict[str, bytes] = {
    "nothing": b"",
    "no picture": b"hello",
    "a bomb of pixels": png(60_000, 60_000),
    "a cut picture": png(400, 400)[:60],
    "only a signature": b"\x89PNG\r\n\x1a\n",
    "a zip bomb": zip_bomb(),
    "gzip": zlib.compress(b"\x00" * 1_000_000),
    "script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "a gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "thirteen megabytes": b"\xff\xd8\xff" + b"\x00" * 13_000_000,
}


@pytest.mark.parametrize("what", FILES)
def test_bad_photos_file_no_report(whole: Whole, what: str) -> None:
    """A file that is no good photo is refused with a problem by /api, and with the form again by the page."""
    client = whole.clients["anonymous"]
    before = whole.parts.hub.find(OPERATOR, "CitizenReport", count=True).count
    form = {"category": "street_light", "description": "bad photo", "unit": COMMUNE}
    files = [("photos", ("../../x.png", FILES[what], "image/png"))]
    answer = client.post("/api/reports", data=form, files=files)
    assert_problem(answer.status_code, answer.content, what)
    token = _csrf(client.get("/report").text)
    page = client.post("/report", data=form | {"csrf": token}, files=files)
    assert page.status_code in (413, 422), f"{what}: {page.status_code}"
    assert whole.parts.hub.find(OPERATOR, "CitizenReport", count=True).count == before


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


PAGE_BODIES: dict[str, tuple[str, bytes]] = {
    "no csrf": ("application/x-www-form-urlencoded", b"category=street_light"),
    "bad utf-8": ("application/x-www-form-urlencoded", b"csrf=%ff%fe&category=%00&unit=\xff"),
    "many fields": ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(3000))),
    "json": ("application/json", b'{"csrf": 1}'),
    "no boundary": ("multipart/form-data", b"--b\r\n"),
    "cut multipart": ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=csrf\r\n"),
    "headless part": ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
    "too large": ("application/x-www-form-urlencoded", b"csrf=x&a=" + b"y" * 400_000),
}


@EVERY
def test_every_form_survives_bad_bodies(whole: Whole, share: int) -> None:
    """Each form of the site without CSRF, with broken multipart, too many fields, too many bytes: a 4xx page."""
    tried = 0
    pages = [one for one in find_pages() if "POST" in one.methods]
    assert len(pages) > 10
    for number, page in enumerate(pages):
        path = re.sub(r"{\w+(:\w+)?}", "19789", page.path)
        for place, (name, (media, body)) in enumerate(PAGE_BODIES.items()):
            if not due(number, place, share):
                continue
            for role in ("anonymous", "administrator"):
                status, content = whole.ask(role, "POST", path, body, {"Content-Type": media})
                assert status in KNOWN or (status == 303 and page.path == "/logout"), f"{path}: {name}: {status}"
                assert content, path
                tried += 1
    print(f"{tried} bad forms refused")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../settings.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static/..%2f..%2fsettings.py",
        "/static//etc/passwd",
        "/static/%00",
        "/report/sent/%00",
        "/follow/..%2f..%2fx/file/..%2fx",
        "/live?after=x",
        "/live?after=" + "9" * 30,
        "/live?after=" + "9" * 5000,
        "/%ff%fe",
        "/?lang=%00&theme=%ff",
    ],
)
def test_no_path_leads_out(whole: Whole, path: str) -> None:
    """Traversal, NUL and bad UTF-8 in the paths of pages and files give a page or a 4xx, never another file."""
    status, content = whole.ask("anonymous", "GET", path)
    assert status in (200, 303, 400, 404), f"{path}: {status}"
    assert b"root:" not in content
    assert b"frozen=True" not in content

"""A reporter stays unknown: every byte that the handling unit can reach is read, and so is every byte on disk."""

import gzip
import io
import json
import logging
import re
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from dothi.accounts.model import Sample
from dothi.hub.model import Actor
from dothi.hub.peers import moving
from tests.web.city import COMMUNE, make_city

ALL = Actor("system:test", frozenset({"system"}))
SECRETS = {  # What only the citizen knows, as it might turn up anywhere.
    "name": ["Trần Thị Bí Mật", "Trần Thị B", "Bí Mật", "Bi Mat", r"Tr\u1ea7n Th\u1ecb B"],
    "phone": ["0905123456", "0905 123 456", "0905.123.456", "905123456", "+84905123456"],
    "card": ["046098001234", "046 098 001 234"],
    "mail": ["bimat.tran@example.vn", "bimat.tran"],
    "camera": ["MayAnhThu", "Kieu-X100", "anh-nha-toi"],
    "photo position": ["49.32", "16.4637", "107.5905", "16,4637", "107,5905"],
}
WORDS = "Đèn trước cổng trường tắt, gọi tôi 0905 123 456 hoặc bimat.tran@example.vn, CCCD 046 098 001 234."
GPS = ((16.0, 27.0, 49.32), (107.0, 35.0, 25.8))  # 16.4637 N, 107.5905 E: where the citizen lives.


def found_in(content: bytes | str) -> set[str]:
    """Which secrets stand in some content, in any common encoding."""
    raw = content.encode() if isinstance(content, str) else content
    return {
        f"{kind}: {text}"
        for kind, texts in SECRETS.items()
        for text in texts
        if any(text.encode(code) in raw for code in ("utf-8", "utf-16-le", "utf-16-be"))
    }


def inside(raw: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what unfolds from each compressed stretch in them."""
    yield raw
    for mark, unfold in (
        (b"\x1f\x8b", gzip.decompress),
        (b"\x78\x9c", zlib.decompress),
        (b"\x78\xda", zlib.decompress),
    ):
        for hit in re.finditer(re.escape(mark), raw):
            try:
                yield (
                    unfold(raw[hit.start() :])
                    if unfold is gzip.decompress
                    else zlib.decompressobj().decompress(raw[hit.start() :])
                )
            except (OSError, zlib.error, EOFError):
                continue


def private_photo(colour: str) -> bytes:
    """A photo that says where it was taken, with what, and by whom."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B] = "MayAnhThu", "Kieu-X100", "Tran Thi Bi Mat"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", GPS[0], "E", GPS[1]
    out = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(out, "JPEG", exif=exif, comment=b"16.4637,107.5905 Bi Mat")
    return out.getvalue()


def test_the_fixture_holds_what_must_vanish() -> None:
    """The photo and the words do carry the secrets, else the next test would prove nothing."""
    assert {"camera: Kieu-X100", "photo position: 16.4637", "name: Bi Mat"} <= found_in(private_photo("navy"))
    assert len(found_in(WORDS)) >= 4
    assert Image.open(io.BytesIO(private_photo("navy"))).getexif().get_ifd(0x8825)


class Visitor:
    """Somebody with a browser, whose every answer is kept."""

    def __init__(self, address: str) -> None:
        """Nobody in particular yet."""
        self.client = httpx.Client(base_url=address, follow_redirects=True, timeout=20)
        self.seen: dict[str, bytes] = {}

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page."""
        answer = self.client.get(path, **options)
        self.seen[f"GET {path}"] = answer.content + repr(answer.headers.multi_items()).encode()
        return answer

    def post(self, page: str, path: str, data: dict[str, str], files: Any = None) -> httpx.Response:
        """Send a form that stands on `page`."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)
        assert token, page
        answer = self.client.post(path, data=data | {"csrf": token[1]}, files=files)
        self.seen[f"POST {path}"] = answer.content
        return answer

    def sign_in(self, sample: Sample) -> None:
        """Sign in as a sample user."""
        assert self.post("/login", "/login", {"login": sample.login, "password": sample.password}).status_code == 200


def file_three(address: str, citizen_user: Sample) -> list[str]:
    """By form, by API with a name, and signed in: the three ways in. Returns the follow codes."""
    nobody, member = Visitor(address), Visitor(address)
    member.sign_in(citizen_user)
    codes = []
    for who, colour in ((nobody, "navy"), (member, "teal")):
        form = {"category": "street_light", "description": WORDS, "unit": COMMUNE, "phone": "0905 123 456"}
        form |= {"email": "bimat.tran@example.vn", "place_words": "nhà bà 0905.123.456"}
        photo = {"photos": ("anh-nha-toi.jpg", private_photo(colour), "image/jpeg")}
        sent = who.post("/report", "/report", form | {"shown": "near"}, photo)
        codes.append(str(sent.url).rsplit("/", 1)[-1])
    said = {
        "category": "noise",
        "description": WORDS,
        "unit": COMMUNE,
        "name": "Trần Thị Bí Mật",
        "phone": "+84905123456",
    }
    answer = httpx.post(f"{address}/api/reports", data=said, files={"photos": ("a.jpg", private_photo("olive"))})
    assert answer.status_code == 201, answer.text
    codes.append(answer.json()["followCode"])
    nobody.client.close()
    member.client.close()
    assert all(re.fullmatch(r"\w{6}-\w{4}-\w{4}", code) for code in codes), codes
    return codes


def handle(address: str, sample: Sample, codes: list[str]) -> Visitor:
    """What an official can open: list, reports, photos, files, API, history, audit, export of the API."""
    official = Visitor(address)
    official.sign_in(sample)
    with official.client.stream("GET", "/live?types=CitizenReport,ReportContact&after=0", timeout=10) as stream:
        lines = stream.iter_raw()
        official.seen["GET /live"] = next(lines) + next(lines)
    assert b"CitizenReport" in official.seen["GET /live"]
    for code in codes:
        number = code[:6]
        page = official.get(f"/case/{number}")
        assert page.status_code == 200
        for src in re.findall(r'src="(/file/[^"]+)"', page.text):
            assert official.get(src.replace("&amp;", "&")).headers["content-type"] == "image/jpeg"
        official.post(f"/case/{number}", f"/case/{number}/receive", {})
        urn = f"urn:ngsi-ld:CitizenReport:{number}"
        for path in (f"/ngsi-ld/v1/entities/{urn}", f"/ngsi-ld/v1/temporal/entities/{urn}", f"/api/reports/{number}"):
            assert official.get(path).status_code == 200, path
        assert official.get(f"/ngsi-ld/v1/entities/urn:ngsi-ld:ReportContact:{number}").status_code == 404
    who = {"name": "Trần Thị Bí Mật", "phone": "0905 123 456", "key": "counter"}
    told = {"category": "noise", "description": WORDS, "unit": COMMUNE, "channel": "counter", "consent": "spoken"}
    for path, form in (("/counter", told | {"shown": "near"}), (f"/counter/follow/{codes[0][:6]}", told)):
        assert "/counter/slip/" in str(official.post("/counter", path, form | who).url), path
    for path in (
        "/work",
        "/reports",
        "/reports.geojson",
        "/",
        "/audit",
        "/api/reports",
        "/ngsi-ld/v1/types",
        "/ngsi-ld/v1/attributes",
        "/ngsi-ld/v1/entities?type=CitizenReport&limit=100",
        "/ngsi-ld/v1/entities?type=ReportContact",
        "/ngsi-ld/v1/entities?type=CitizenReport&limit=100&options=keyValues",
        "/ngsi-ld/v1/temporal/entities?type=CitizenReport&timerel=after&timeAt=2020-01-01T00:00:00Z",
    ):
        official.get(path)
    official.client.close()
    return official


def test_no_byte_tells_the_handling_unit_who_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Store, log, files, export, pages, API, stream and the server's own log hold no name, phone or photo position."""
    caplog.set_level(logging.DEBUG)
    with make_city(tmp_path / "city") as city:
        parts = city.parts
        known = parts.citizens.vault.database.read_one("SELECT count(*) FROM person")[0]
        codes = file_three(city.address, city.samples["citizen"])
        official = handle(city.address, city.samples["official"], codes)
        login = city.samples["citizen"].login
        citizen = parts.accounts.database.read_one("SELECT id FROM user WHERE login = ?", login)[0]
        log = msgspec.json.encode(parts.hub.log(0, 1000))
        entities = [one for kind in parts.hub.types(ALL) for one in parts.hub.find(ALL, kind)]
        sealed = parts.citizens.vault.database.read_one("SELECT count(*) FROM person")[0]
    assert sealed - known == 5, "the vault does keep who wants to be told"

    contacts = [one for one in entities if "ReportContact" in one.types]
    pseudonyms = [one.value("person") for one in contacts if one.id[-6:] in {code[:6] for code in codes}]
    assert len(set(pseudonyms)) == 3, "two reports of one person cannot be joined"
    for where, content in official.seen.items():
        assert found_in(content) == set(), where
        assert not any(pseudonym.encode() in content for pseudonym in pseudonyms), where
        assert b"followKey" not in content or not any(code[7:].encode() in content for code in codes), where
    assert found_in(log) == found_in(msgspec.json.encode(entities)) == set()
    assert citizen.encode() not in log, "a signed-in citizen's steps stand under the module's name"
    assert not any(code.replace("-", "")[6:].encode() in log for code in codes), "nobody finds the reporter's key"

    with ThreadPoolExecutor(1) as aside:  # A browser of another test may keep a loop in this thread.
        aside.submit(moving.export, moving.Kept(tmp_path / "city"), tmp_path / "export", lambda _: None).result(60)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([path for path in files if len(path.name) == 64]) >= 6, "the photos are among the files"
    for path in files:
        for content in inside(path.read_bytes()):
            assert found_in(content) == set(), path
    said = "".join(capfd.readouterr()) + caplog.text + json.dumps([str(one.args) for one in caplog.records])
    assert found_in(said) == set()

"""A city that every module has filled is taken out and put in again: equal, serving, and without anyone's identity."""

import asyncio
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from dothi.app import close_city, open_city
from dothi.settings import Settings
from tests.test_cli import served
from tests.whole.city import COMMUNE, Whole, whole_city

PEOPLE = ("Nguyễn Thị Kín", "0987654321", "kin.nguyen@example.vn")
READINGS = [
    {"id": f"urn:x:station:{n}", "type": "AirQualityObserved", "pm25": {"type": "Property", "value": n * 9.5}}
    for n in range(20)
]


def dothi(*arguments: str) -> str:
    command = [sys.executable, "-m", "dothi.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def photo() -> bytes:
    """A photo that says where and with what it was taken."""
    out = io.BytesIO()
    picture = Image.effect_noise((640, 480), 80).convert("RGB")
    exif = picture.getexif()
    exif[0x010F], exif[0x8825] = "PhoneOfKin", {1: "N", 2: (16.0, 27.0, 48.5), 3: "E", 4: (107.0, 35.0, 6.5)}
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def fill(city: Whole) -> dict[str, Any]:
    """Something of every module; returns what must be found again."""
    clients = city.clients
    clients["key"].post("/ngsi-ld/v1/entityOperations/create", json=READINGS).raise_for_status()
    clients["key"].patch("/ngsi-ld/v1/entities/urn:x:station:1/attrs/pm25", json={"value": 99}).raise_for_status()
    clients["key"].delete("/ngsi-ld/v1/entities/urn:x:station:2").raise_for_status()
    filed = clients["anonymous"].post(
        "/api/reports",
        data={
            "category": "street_light",
            "description": f"Đèn tắt ở ngõ nhỏ, gọi {PEOPLE[1]}",
            "unit": COMMUNE,
            "name": PEOPLE[0],
            "phone": PEOPLE[1],
            "email": PEOPLE[2],
        },
        files=[("photos", ("a.jpg", photo(), "image/jpeg"))],
    )
    assert filed.status_code == 201, filed.text
    clients["programme_officer"].post(
        "/api/legal-bases", json={"document": "99/2026/NĐ-CP (mẫu)", "article": 5, "clause": 1, "point": "đ"}
    ).raise_for_status()
    task = {
        "title": "Thay đèn",
        "lead": COMMUNE,
        "due": "2027-01-05T10:00:00Z",
        "output": "Đèn sáng",
        "units": [COMMUNE],
        "responsible": "Trưởng phòng Kinh tế, hạ tầng",
        "evidenceKind": "photo",
    }
    clients["programme_officer"].post("/api/tasks", json=task | {"units": [COMMUNE]}).raise_for_status()
    source = {"id": "moved", "name": "Nguồn", "connector": "http_push", "mapping": "ngsi-ld"}
    clients["data_steward"].post("/api/sources", json=source).raise_for_status()
    pushed = [{"id": "urn:x:good", "type": "Bench", "height": 1}, {"id": "no urn", "type": 5}]
    clients["data_steward"].post("/api/sources/moved/push", json=pushed).raise_for_status()
    for kind in ("Alarm", "Indicator", "IndicatorValue", "AdministrativeUnit"):
        city.owned(kind, "moved")
    return {"follow": filed.json()["followCode"]}


def look(data: Path) -> tuple[Any, dict[str, bytes]]:
    """Fingerprint and files of a city at rest, opened as the application opens it."""

    async def opened() -> Any:
        parts = await open_city(Settings(data=data))
        try:
            return parts.hub.fingerprint()
        finally:
            await close_city(parts)

    files = (data / "hub" / "files").rglob("*")
    return asyncio.run(opened()), {one.name: one.read_bytes() for one in files if one.is_file()}


def test_a_full_city_moves(tmp_path: Path, free_port: int) -> None:
    """Export and load by the command keep counts, hashes and photos; the loaded city serves; nobody is named in it."""
    with whole_city(tmp_path / "city") as city:
        known = fill(city)
    out, again = tmp_path / "out", tmp_path / "again"
    said = dothi("export", str(out), "--data", str(tmp_path / "city"))
    loaded = dothi("load", str(out), "--data", str(again))
    sha = re.search(r"sha256 (\w{64})", said)
    assert sha is not None
    assert sha[1] in loaded
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["entities"] > 30
    assert_nobody_named(out)
    with served(again, free_port) as _:
        base = f"http://127.0.0.1:{free_port}"
        told = httpx.get(f"{base}/api/reports/{known['follow']}", timeout=30).json()
        assert len(told["photos"]) == 1
        digest = told["photos"][0]["sha256"]
        shown = httpx.get(f"{base}/follow/{known['follow']}/file/{digest}", timeout=30)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    before, after = look(tmp_path / "city"), look(again)
    assert len(before[1]) >= 1
    assert before[1] == after[1], "photos and evidence are the same bytes"
    assert before[0].entities <= after[0].entities, "serving adds days and figures at most"


def assert_nobody_named(folder: Path) -> None:
    """No byte of the export holds what reporters said of themselves, as text or escaped in JSON."""
    whole = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    for word in (*PEOPLE, PEOPLE[0].lower(), json.dumps(PEOPLE[0])[1:-1], "PhoneOfKin"):
        assert word.encode() not in whole, word
    assert b'"person"' in whole, "the contact's pseudonym moves, the identity does not"

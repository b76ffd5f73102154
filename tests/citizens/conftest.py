"""A small city for the tests of reports: real hub, policy, accounts, vault, territory and working calendar."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from PIL import Image

from dothi.accounts.model import SessionRules
from dothi.accounts.organisations import own_organisations
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.citizens import Citizens, Filing, Upload, open_citizens
from dothi.ground.clock import from_iso
from dothi.hub.core import Hub
from dothi.hub.model import Actor
from dothi.territory import Territory

PHU_XUAN, THUAN_HOA, HUE, HA_NOI = "19753", "19789", "46", "01"
MONDAY_8 = from_iso("2026-11-16T08:00:00+07:00")
LAMP = (107.5905, 16.4637)
HUE_GPS = ((16.0, 27.0, 49.32), (107.0, 35.0, 25.8))


@dataclass
class City:
    """What a story in a test may use."""

    citizens: Citizens
    hub: Hub
    accounts: Accounts
    vault: Vault
    folder: Path


@pytest.fixture(scope="session")
def territory() -> Territory:
    """The territory of the built data files; nothing is imported into it."""
    return Territory.load()


@pytest.fixture
def in_city(tmp_path: Path, territory: Territory) -> Callable[[Callable[[City], Awaitable[Any]]], Any]:
    """Runs one story, an async function of a City, from an empty hub to its closing."""

    async def whole(story: Callable[[City], Awaitable[Any]]) -> Any:
        policy = RolePolicy(territory.within, frozenset({"CitizenReport", "PublicService"}))
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts.open(tmp_path, territory.within, SessionRules(secure=False), cheap)
        vault = await Vault.open(tmp_path, accounts)
        hub = Hub(tmp_path / "hub", policy)
        hub.own("proposals", {"Proposal": "POST /api/proposals"})
        own_organisations(hub)
        try:
            return await story(City(open_citizens(hub, vault, territory), hub, accounts, vault, tmp_path))
        finally:
            await hub.close()
            vault.close()
            accounts.close()

    # A thread of its own: a browser of another test may keep a loop in this one.
    return lambda story: ThreadPoolExecutor(1).submit(asyncio.run, whole(story)).result(180)


@pytest.fixture
def official() -> Actor:
    """An official of Phường Thuận Hóa."""
    return Actor("user:official", frozenset({"official"}), frozenset({THUAN_HOA}))


@pytest.fixture
def neighbour() -> Actor:
    """An official of Phường Phú Xuân."""
    return Actor("user:neighbour", frozenset({"official"}), frozenset({PHU_XUAN}))


@pytest.fixture
def desk_officer() -> Actor:
    """An official at the desk of the province."""
    return Actor("user:desk", frozenset({"official"}), frozenset({HUE}))


@pytest.fixture
def lamp() -> Filing:
    """A broken lamp in Phường Thuận Hóa."""
    return Filing("street_light", "Đèn trước số nhà 12 đường Lê Lợi tắt ba đêm nay.", *LAMP, unit=THUAN_HOA)


@pytest.fixture
def phone_photo() -> Upload:
    """A photo as a phone takes it: lying, with place, device, owner and a comment in its metadata."""
    return Upload("IMG_2031.jpg", with_metadata())


@pytest.fixture
def proof() -> Upload:
    """The photo of a mended lamp."""
    return Upload("sau.jpg", jpeg(colour="gold"))


@pytest.fixture
def answer_words() -> str:
    """An answer that says something."""
    return "Tổ điện chiếu sáng thay bóng LED 120W và chấn lưu lúc 15 giờ ngày 24/11, đèn sáng lại."


def jpeg(size: tuple[int, int] = (640, 480), colour: str = "navy", **options: Any) -> bytes:
    """A plain JPEG."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", **options)
    return out.getvalue()


def with_metadata() -> bytes:
    """A JPEG with EXIF orientation, GPS, device, owner, XMP and a comment."""
    picture = Image.new("RGB", (400, 200), "white")
    picture.paste("red", (0, 0, 200, 200))  # The left half; upright it is the top half.
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F], exif[0x0110], exif[0x013B] = "MayAnhThu", "Kieu-X100", "Tran Thi Bi Mat"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", HUE_GPS[0], "E", HUE_GPS[1]
    out = io.BytesIO()
    picture.save(
        out, "JPEG", exif=exif, comment=b"chup tai 107.5905,16.4637", xmp=b"<x:xmpmeta>Tran Thi Bi Mat</x:xmpmeta>"
    )
    return out.getvalue()


@pytest.fixture
def make_jpeg() -> Callable[..., bytes]:
    """Makes plain JPEGs."""
    return jpeg

"""A drill never reaches the public: the same story is told as a drill, as a real warning, and with the barrier out."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from dothi.app import close_city, make_app, open_city
from dothi.citizens.channels import areas
from dothi.citizens.channels.links import makers
from dothi.ground.clock import HOUR, SECOND, iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.model import ANONYMOUS
from dothi.hub.vocabulary import NOUNS
from dothi.operations.warnings.channels import model
from dothi.operations.warnings.channels.delivery import deliveries
from dothi.operations.warnings.channels.model import Exercise, Released, StaysInside, issued
from dothi.operations.warnings.model import Info, Kind, Warning
from dothi.settings import Settings, read
from dothi.web.page import ANYONE
from dothi.web.parts import Parts
from dothi.web.site import find_pages
from tests.operations.warnings.outlets import SECRET, STAFF, Listener, Post, in_city, listening, receiving, until
from tests.operations.warnings.writing import WARD, draft, followed, released
from tests.sources.test_mqtt import Broker
from tests.web.city import serving

T = TypeVar("T")
MARK = "Zxq"  # Stands in no other text.
TEXTS = {
    one: Info(f"{MARK} nước lên {one}", f"{MARK} mô tả", f"{MARK} lên nơi cao ngay, gọi 112") for one in ("vi", "en")
}
FOLLOWER = "lan@example.vn"
HEARD = {  # Where a real warning is heard: each of these must fall silent for a drill.
    *("mail", "mqtt", "webhook", "page /", "page /alerts", "page /alerts?unit=19789", "page /reports"),
    *("one", "area", "cap", "feed"),
}


@pytest.fixture
def broker(mosquitto: str, tmp_path: Path, free_port: int) -> Iterator[Broker]:
    """A broker that runs."""
    made = Broker(mosquitto, tmp_path, free_port)
    made.start()
    yield made
    made.stop()


class Told:
    """What was found where, and what the drill channels got."""

    def __init__(self, wide: bool) -> None:
        self.wide = wide  # Every public page is opened, not only those that are expected to speak.
        self.tried: set[str] = set()
        self.leaks: set[str] = set()
        self.inside: dict[str, int] = {}

    def look(self, name: str, found: bool) -> None:
        """One place that was tried."""
        self.tried.add(name)
        if found:
            self.leaks.add(name)


class Stage:
    """The whole application in a loop of its own thread; `run` does something in it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(40)

    def close(self) -> None:
        """Nothing runs any more."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


def tell(folder: Path, broker: Broker, drill: bool, wide: bool = False) -> Told:
    """Release, update and all-clear over the whole application with every channel on; looks everywhere at each step."""
    told, post, stage = Told(wide), Post(), Stage()
    try:
        with receiving() as sink:
            server = stage.run(_mail(post))
            settings = read(_operator(server.sockets[0].getsockname()[1], broker.port, sink.port), data=folder)
            _whole(stage, settings, broker, drill, told)
            server.close()
    finally:
        stage.close()
    told.look("webhook", bool(sink.kinds()))
    told.look("mail", bool(_letters(post, FOLLOWER)))
    told.inside["webhook"] = len(sink.kinds("/drill"))
    told.inside["mail"] = len(_letters(post, STAFF))
    return told


async def _mail(post: Post) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: SMTP(post, enable_SMTPUTF8=True), "127.0.0.1", 0)


def _whole(stage: Stage, settings: Settings, broker: Broker, drill: bool, told: Told) -> None:
    parts = stage.run(open_city(settings, "Huế", demo=True))  # Public reading is on: the most that anybody may see.
    try:
        with serving(make_app(parts, settings), stage.loop) as address:
            stage.run(_follow(parts))
            box, ended = Listener(), asyncio.Event()
            hearing = asyncio.run_coroutine_threadsafe(_listen(broker.port, box, ended), stage.loop)
            try:
                _story(stage, parts, address, drill, told)
            finally:
                stage.loop.call_soon_threadsafe(ended.set)
                hearing.result(20)
            _hear(box, told)
    finally:
        stage.run(close_city(parts))


def _story(stage: Stage, parts: Parts, address: str, drill: bool, told: Told) -> None:
    out: Warning | None = None
    for kind in (Kind.ALERT, Kind.UPDATE, Kind.ALL_CLEAR):
        out = stage.run(_step(parts, out, kind, drill))
        _look(address, out, told, every=told.wide and kind is Kind.ALERT)
        _ask_the_hub(parts, out, told)
    stage.run(_settled(parts))


async def _listen(port: int, box: Listener, ended: asyncio.Event) -> None:
    async with listening(port) as found:
        await ended.wait()
        await asyncio.sleep(0.2)
        box.heard = found.heard


def _letters(post: Post, address: str) -> list[Any]:
    return [one for one in post.taken if one["To"] == address and MARK in str(one["Subject"])]


def _operator(mail: int, broker: int, sink: int) -> dict[str, str]:
    return {
        "DOTHI_UNIT": "46", "DOTHI_PUBLIC_URL": "http://hue.example.vn",
        "DOTHI_MAIL_SERVER": f"127.0.0.1:{mail}", "DOTHI_MAIL_SECURITY": "none", "DOTHI_MAIL_FROM": "a@hue.example.vn",
        "DOTHI_WARNING_BROKER": f"127.0.0.1:{broker}", "DOTHI_WARNING_TOPIC": "hue", "DOTHI_DRILL_TOPIC": "yes",
        "DOTHI_WARNING_URL": f"http://127.0.0.1:{sink}/warnings", "DOTHI_DRILL_URL": f"http://127.0.0.1:{sink}/drill",
        "DOTHI_WARNING_SECRET": SECRET, "DOTHI_DRILL_MAIL": STAFF,
    }  # fmt: skip


async def _follow(parts: Parts) -> None:
    wish = areas.Wish(areas.Area(WARD), (), FOLLOWER, "vi", True, True)
    made = await areas.ask(parts.citizens, parts.messages, wish)
    await areas.confirm(parts.citizens, makers(parts.citizens)["confirm"](made).rpartition("/")[2])


async def _step(parts: Parts, out: Warning | None, kind: Kind, drill: bool) -> Warning:
    """The next message, once its deliveries are made."""
    at = now_us()
    words = draft(info=TEXTS, drill=drill, expires=iso((at + HOUR) // SECOND * SECOND))
    made = await (followed(parts.operations, out, kind, words, at) if out else released(parts.operations, words, at))
    await until(lambda: len(_made(parts, made)) >= 3)
    return made


def _made(parts: Parts, out: Warning) -> list[Any]:
    return deliveries(parts.operations, model.SYSTEM, out.id)


async def _settled(parts: Parts) -> None:
    """Every delivery has come to its end."""
    ends = {"delivered", "overtaken", "dead", "lapsed"}
    found = [one.id for one in parts.hub.find(model.SYSTEM, "Warning")]
    await until(
        lambda: all(one.state in ends for key in found for one in deliveries(parts.operations, model.SYSTEM, key))
    )


def _look(address: str, out: Warning, told: Told, every: bool) -> None:
    """Everything that anybody can fetch: pages (again, as a cache would), feed, files, NGSI-LD, history, Open311."""
    thread, here = out.thread.rpartition(":")[2], f"/ngsi-ld/v1/entities/{out.id}"
    named = {
        "one": f"/alerts/{thread}",
        "area": f"/alerts/{thread}/area.geojson",
        "cap": f"/alerts/{out.identifier}.cap",
        "feed": "/alerts/feed.atom",
        "ngsi-ld": "/ngsi-ld/v1/entities?type=Warning&limit=100",
        "ngsi-ld deliveries": "/ngsi-ld/v1/entities?type=WarningDelivery&limit=100",
        "ngsi-ld one": here,
        "ngsi-ld history": f"/ngsi-ld/v1/temporal/entities/{out.id}",
        "ngsi-ld histories": "/ngsi-ld/v1/temporal/entities?type=Warning&timerel=after&timeAt=2020-01-01T00:00:00Z",
        "open311": "/open311/v2/requests.json",
        "points": "/points/Warning",
        "walk": f"/walk/{out.id}",
        "file": f"/file/{out.cap}?of={out.id}",
        "deliveries": f"/api/warning-deliveries?warning={out.id}",
        "office": f"/warning/{thread}",
    }
    anyones = [one.path for one in find_pages() if one.roles == ANYONE and one.methods == ("GET",)]
    pages = [path for path in anyones if "{" not in path and (every or f"page {path}" in HEARD)]
    named |= {f"page {path}": path for path in (*pages, f"/alerts?unit={WARD}")}
    with httpx.Client(base_url=address, timeout=30, follow_redirects=True) as web:
        for name, path in named.items():
            answer = web.get(path)
            told.look(name, answer.status_code < 400 and (MARK in answer.text or out.identifier in answer.text))
            if kept := answer.headers.get("etag"):  # What a cache would ask again.
                assert MARK not in web.get(path, headers={"If-None-Match": kept}).text or name in told.leaks


def _ask_the_hub(parts: Parts, out: Warning, told: Told) -> None:
    """What the hub itself tells nobody in particular: now, as known then, and in every public type."""

    def hidden(name: str, ask: Callable[[], Any]) -> None:
        try:
            told.look(name, MARK in repr(ask()))
        except (Missing, Forbidden):
            told.look(name, False)

    hidden("hub get", lambda: parts.hub.get(ANONYMOUS, out.id))
    hidden("hub as known", lambda: parts.hub.as_known(ANONYMOUS, out.id, now_us()))
    hidden("hub trail", lambda: parts.hub.trail(ANONYMOUS, out.id))
    for kind in NOUNS:
        hidden(f"public {kind}", lambda kind=kind: list(parts.hub.find(ANONYMOUS, kind)))


def _hear(box: Listener, told: Told) -> None:
    """What the subscriber to # heard: drills have topics of their own, all below one level."""
    inside = {topic for topic in box.topics() if topic.startswith("hue/drill/")}
    told.look("mqtt", bool(box.topics() - inside))
    told.inside["mqtt"] = len(inside)


def test_a_drill_reaches_nobody_outside(tmp_path: Path, broker: Broker) -> None:
    """Released, updated and all-cleared: nothing outside the drill channels, which get each of its messages."""
    told = tell(tmp_path / "drill", broker, drill=True, wide=True)
    assert told.leaks == set()
    assert told.tried >= HEARD | {"ngsi-ld", "ngsi-ld history", "open311", "hub as known", "public Warning"}
    assert told.inside == {"mail": 3, "mqtt": 2, "webhook": 3}


def test_the_same_for_real_is_heard_everywhere(tmp_path: Path, broker: Broker) -> None:
    """The places that were silent speak when it is no drill, so the test above would have heard a drill there."""
    told = tell(tmp_path / "real", broker, drill=False)
    assert told.leaks >= HEARD
    assert told.inside == {"mail": 0, "mqtt": 0, "webhook": 0}


def test_without_the_barrier_a_drill_is_heard(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the barrier taken out the drill is found wherever a real warning is: what keeps it inside is the barrier."""
    monkeypatch.setattr(model, "check", lambda warning, cap, drill: None)
    monkeypatch.setattr(model, "sort_of", lambda warning: Released)
    assert tell(tmp_path / "open", broker, drill=True).leaks >= HEARD


def test_neither_can_be_made_of_the_other(tmp_path: Path) -> None:
    """A drill's message, or its file, makes no Released, and a real one no Exercise; a draft makes neither."""

    async def story(city: Any) -> None:
        real, drill = await city.out(), await city.out(drill=True)
        actual, exercise = issued(city.operations, real), issued(city.operations, drill)
        assert (type(actual), type(exercise)) == (Released, Exercise)
        for kind, warning, cap in (
            (Released, drill, exercise.cap), (Released, drill, actual.cap), (Released, real, exercise.cap),
            (Released, real, b"<alert/>"), (Released, real, b"no xml"), (Exercise, real, actual.cap),
            (Exercise, drill, actual.cap), (Exercise, real, exercise.cap),
        ):  # fmt: skip
            with pytest.raises(StaysInside):
                kind(warning, cap)
        for channel in city.channels.public:
            if channel.name in ("mqtt", "webhook"):
                with pytest.raises(StaysInside):
                    await channel.send("key", exercise)  # type: ignore[arg-type]  # What a type checker refuses.

    in_city(tmp_path, story, broker=1, sink=1)

"""Messages: one for a cause, sent by real servers of mail and HTTP, tried again, given up, sent again, never twice."""

import asyncio
import email
import email.policy
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from argon2 import PasswordHasher

from dothi.accounts.events import read_events
from dothi.accounts.model import Erasure, Identity, SessionRules
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault, keep_identity, replay_erasures
from dothi.ground.clock import HOUR, MINUTE, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Commit, prop, put, system
from dothi.office.messages import (
    Draft,
    Gateway,
    Link,
    MailServer,
    Messages,
    State,
    dead,
    open_messages,
    queue,
    replay,
    told_about,
    withdraw,
)
from dothi.office.messages.gateway import signature
from dothi.office.messages.model import SYSTEM, TYPE, message_of
from dothi.office.messages.outbox import AGE_MAX, BACK_OFF, run, send_due
from dothi.office.messages.service import standing
from dothi.office.messages.wording import templates

ADMINISTRATOR = Actor("user:1", frozenset({"administrator"}))
REPORT = "urn:ngsi-ld:CitizenReport:ABC234"
WORDS = {"number": "ABC234", "category": "Đèn chiếu sáng", "unit": "Phường Thuận Hóa", "due": "15:00 24/11/2026"}
LINKS = {"link": Link("follow", "ABC234"), "code": Link("code", "ABC234")}
MAKERS = {"follow": lambda of: f"/follow/{of}-SECRET", "code": lambda of: f"{of}-SECRET"}


@dataclass
class Post:
    """A real SMTP server that answers as it is told and keeps what it took."""

    answers: list[str] = field(default_factory=list)  # To the next recipients; then 250.
    taken: list[EmailMessage] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802  # The server's name for it.
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = cast(bytes, envelope.content)
        self.taken.append(cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default)))
        return "250 taken"


@dataclass
class Office:
    """What a story may use."""

    messages: Messages
    accounts: Accounts
    post: Post

    async def person(self, **who: str) -> str:
        return await keep_identity(self.messages.vault, Identity(**who))

    def all(self) -> list[Any]:
        return [message_of(one) for one in self.messages.hub.find(SYSTEM, TYPE)]


def story(folder: Path, tell: Callable[[Office], Awaitable[Any]]) -> Any:
    """Run one story over a real hub, vault and SMTP server."""

    async def whole() -> Any:
        accounts = Accounts.open(folder, lambda unit: frozenset({unit}), SessionRules(), PasswordHasher(1, 8, 1))
        vault = await Vault.open(folder, accounts)
        hub = Hub(folder / "hub", RolePolicy(lambda unit: frozenset({unit})))
        post = Post()
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(post, enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        post.port = server.sockets[0].getsockname()[1]
        channel = MailServer("127.0.0.1", post.port, "thu@hue.example.vn", sender_name="Huế", security="none")
        messages = open_messages(hub, vault, (channel,), "Huế", "https://hue.example.vn", MAKERS)
        try:
            return await tell(Office(messages, accounts, post))
        finally:
            server.close()
            await hub.close()
            vault.close()
            accounts.close()

    return asyncio.run(whole())


def draft(to: str, cause: str = f"{REPORT}@2", **more: Any) -> Draft:
    return Draft(cause, "report.received", REPORT, to, params=WORDS, links=LINKS, **more)


def test_one_mail_for_a_cause(tmp_path: Path) -> None:
    """A cause told three times, also at once, is one mail, with a link that stands nowhere in the hub."""

    async def tell(office: Office) -> None:
        lan = await office.person(name="Trần Thị Lan", email="lan@example.vn")
        new = await asyncio.gather(*(queue(office.messages, [draft(lan)]) for _ in range(3)))
        assert sum(new) == 1
        assert await send_due(office.messages) == 1
        assert await send_due(office.messages) == 0
        assert await queue(office.messages, [draft(lan)]) == 0
        (mail,) = office.post.taken
        assert mail["To"] == "lan@example.vn"
        assert mail["Subject"] == "Phản ánh ABC234: Phường Thuận Hóa đã tiếp nhận [ABC234-SECRET]"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "https://hue.example.vn/follow/ABC234-SECRET" in mail.get_content()
        (kept,) = office.all()
        assert (kept.state, kept.channel, kept.tries, kept.problem) == (State.SENT, "mail", 1, "")
        assert mail["Message-ID"] == f"<{kept.id.rpartition(':')[2]}@hue.example.vn>"
        log = repr(office.messages.hub.log())
        assert not [word for word in ("lan@example.vn", "Lan", "SECRET") if word in log]

    story(tmp_path, tell)


def test_opening_is_registered(tmp_path: Path) -> None:
    """Each sending leaves a line in the vault's register that names the message; only the system reads messages."""

    async def tell(office: Office) -> None:
        lan = await office.person(email="lan@example.vn")
        await queue(office.messages, [draft(lan)])
        await send_due(office.messages)
        (line,) = [one for one in read_events(office.accounts.database) if one.kind == "identity_opened"]
        assert (line.actor, line.subject) == ("system:messages", lan)
        assert line.reason == f"message report.received about {REPORT}"
        for who in (ADMINISTRATOR, Actor("user:2", frozenset({"data_steward", "official"})), ANONYMOUS):
            with pytest.raises((Forbidden, Missing)):
                office.messages.hub.get(who, office.all()[0].id)
        forged = put(office.all()[0].id, TYPE, template=prop("report.filed"))
        with pytest.raises(Forbidden):
            await office.messages.hub.commit(Commit(system("citizens"), (forged,)))

    story(tmp_path, tell)


def test_tried_again_with_patience(tmp_path: Path) -> None:
    """A server that is busy gets the mail later, each time after a longer wait, until the message is given up."""

    async def tell(office: Office) -> None:
        await queue(office.messages, [draft(await office.person(email="lan@example.vn"))], now=1_000_000)
        office.post.answers = ["451 busy, lan@example.vn"] * (len(BACK_OFF) + 1)
        now, waits = now_us(), []
        await queue(office.messages, [draft(await office.person(email="lan@example.vn"), "later")], now=now)
        assert (await send_due(office.messages, now), office.all()[0].problem) == (2, "too_old")
        for step in BACK_OFF:
            (kept,) = [one for one in office.all() if one.problem != "too_old"]
            assert (kept.state, kept.problem) == (State.FAILED, "smtp 451")
            waits.append(step)
            assert await send_due(office.messages, now + step - 1) == 0
            now += step
            assert await send_due(office.messages, now) == 1
        assert waits == sorted(waits)
        assert sum(waits) < AGE_MAX
        assert {one.state for one in office.all()} == {State.DEAD}
        assert office.post.taken == []

    story(tmp_path, tell)


def test_dead_letters_and_replay(tmp_path: Path) -> None:
    """An address that does not exist is tried once; the administrator sees it, without the address, and replays."""

    async def tell(office: Office) -> None:
        await queue(office.messages, [draft(await office.person(email="lan@example.vn"))])
        office.post.answers = ["550 no such user lan@example.vn"]
        await send_due(office.messages)
        (kept,) = dead(office.messages, ADMINISTRATOR)
        assert (kept.problem, kept.tries) == ("smtp 550", 1)
        for verb in (dead, standing):
            with pytest.raises(Forbidden):
                verb(office.messages, Actor("user:2", frozenset({"official"})))
        await replay(office.messages, ADMINISTRATOR, kept.id)
        with pytest.raises(Conflict):
            await replay(office.messages, ADMINISTRATOR, kept.id)
        await send_due(office.messages)
        assert standing(office.messages, ADMINISTRATOR)[State.SENT] == len(office.post.taken) == 1

    story(tmp_path, tell)


def test_nobody_to_reach(tmp_path: Path) -> None:
    """Who was erased, or left only a phone where no gateway is, gets nothing; an office needs no vault."""

    async def tell(office: Office) -> None:
        gone, phone = await office.person(email="x@example.vn"), await office.person(phone="0912345678")
        await replay_erasures(office.messages.vault, [Erasure(gone, 1, "user:1", "asked")])
        ward = Draft("x", "report.forwarded", REPORT, office="vp@phuong.example.vn", params=WORDS, links=LINKS)
        await queue(office.messages, [draft(gone), draft(phone), ward])
        await send_due(office.messages)
        assert sorted((one.state, one.problem) for one in office.all()) == [
            ("dead", "erased"), ("dead", "no_channel"), ("sent", "")
        ]  # fmt: skip
        assert [mail["To"] for mail in office.post.taken] == ["vp@phuong.example.vn"]
        for wrong in (replace(ward, template="report.gone"), replace(ward, params={}), replace(ward, to=phone)):
            with pytest.raises(Invalid):
                await queue(office.messages, [wrong])

    story(tmp_path, tell)


def test_waits_without_channels_and_survives(tmp_path: Path) -> None:
    """With mail off everything waits; a new process with mail on sends it, also after a crash during a try."""

    async def keep(office: Office) -> set[str]:
        off = replace(office.messages, channels=())
        lan = await office.person(email="lan@example.vn")
        await queue(off, [draft(lan, f"{REPORT}@{version}") for version in (2, 3)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run(off), 0.1)
        assert office.post.taken == []
        claimed = office.messages.channels[0]
        assert isinstance(claimed, MailServer)
        hung = asyncio.create_task(send_due(office.messages))
        office.post.answers = ["250 OK"]
        while not office.post.taken:
            await asyncio.sleep(0.01)
        hung.cancel()  # As a crash: one try is noted as begun, what came of it perhaps not.
        await asyncio.wait([hung])
        return {mail["Message-ID"] for mail in office.post.taken}

    before = story(tmp_path, keep)

    async def go_on(office: Office) -> None:
        await send_due(office.messages, now_us() + 2 * MINUTE)
        assert {one.state for one in office.all()} == {State.SENT}
        assert len(before | {mail["Message-ID"] for mail in office.post.taken}) == 2

    story(tmp_path, go_on)


def test_one_bad_message_stops_no_other(tmp_path: Path) -> None:
    """A message whose link nobody can make any more is noted as failed; the others leave."""

    async def tell(office: Office) -> None:
        lan = await office.person(email="lan@example.vn")
        lost = replace(draft(lan, "lost"), links={**LINKS, "link": Link("gone", "x")})
        await queue(office.messages, [lost, *(draft(lan, str(number)) for number in range(6))])
        assert await send_due(office.messages) == 7
        assert len(office.post.taken) == 6
        assert [one.problem for one in office.all() if one.state is State.FAILED] == ["KeyError"]

    story(tmp_path, tell)


def test_run_sends_at_once(tmp_path: Path) -> None:
    """The consumer sends a message within a moment of its being queued, and stays quiet about a dead server."""

    async def tell(office: Office) -> None:
        going = asyncio.create_task(run(office.messages))
        await asyncio.sleep(0.05)
        await queue(office.messages, [draft(await office.person(email="lan@example.vn"))])
        async with asyncio.timeout(3):
            while office.all()[0].state is not State.SENT:
                await asyncio.sleep(0.01)
        going.cancel()
        await asyncio.wait([going])
        nobody = MailServer("127.0.0.1", _free_port(), "thu@hue.example.vn", security="none")
        await queue(office.messages, [draft(await office.person(email="lan@example.vn"), "again")])
        await send_due(replace(office.messages, channels=(nobody,)))
        assert [one.problem for one in office.all() if one.state is State.FAILED] == ["smtp SMTPConnectError"]

    story(tmp_path, tell)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def gateway_server(answers: list[int]) -> Iterator[tuple[str, list[tuple[Any, bytes]]]]:
    """A real HTTP server that answers with these statuses, then 200, and keeps what it was sent."""
    got: list[tuple[Any, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/sms", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_phone_by_signed_request(tmp_path: Path) -> None:
    """Who left only a phone is reached over HTTP: signed, the same key at each try, no redirect followed, 4xx final."""

    async def tell(office: Office) -> None:
        with gateway_server([503, 302]) as (url, got):
            both = replace(office.messages, channels=(*office.messages.channels, Gateway(url, "khoa-bi-mat")))
            await queue(both, [draft(await office.person(phone="0912 345 678"))])
            now = now_us()
            for later in (0, HOUR, 2 * HOUR):
                await send_due(both, now + later)
            (kept,) = office.all()
            assert (kept.state, kept.problem, kept.tries) == (State.DEAD, "http 302", 2)
            headers, body = got[-1]
            assert headers["X-Dothi-Signature"] == signature("khoa-bi-mat", headers["X-Dothi-Time"], body)
            assert json.loads(body)["to"] == "0912345678"
            assert "https://hue.example.vn/follow/ABC234-SECRET" in json.loads(body)["text"]
            assert {one["Idempotency-Key"] for one, _ in got} == {kept.id}
            await replay(both, ADMINISTRATOR, kept.id)
            await send_due(both)
            assert (office.all()[0].state, office.all()[0].channel, len(got)) == (State.SENT, "phone", 3)

    story(tmp_path, tell)


def test_wording_is_whole() -> None:
    """Both languages have the same templates, which ask for the same values."""
    vi, en = templates("vi"), templates("en")
    assert {name: one.names for name, one in vi.items()} == {name: one.names for name, one in en.items()}


def test_nothing_is_sent_too_late(tmp_path: Path) -> None:
    """A message that says until when it is news goes before others, and is given up once that has passed."""

    async def tell(office: Office) -> None:
        lan, now = await office.person(email="lan@example.vn"), now_us()
        await queue(office.messages, [draft(lan, "plain")], now=now - MINUTE)
        await queue(office.messages, [draft(lan, "urgent", until=now + HOUR)], now=now)
        assert await send_due(office.messages, now) == 1
        assert [one.until != "" for one in office.all() if one.state is State.SENT] == [True]
        await queue(office.messages, [draft(lan, "late", until=now + HOUR)], now=now)
        assert await send_due(office.messages, now + HOUR) == 1
        assert [one.problem for one in office.all() if one.state is State.DEAD] == ["too_late"]
        assert len(office.post.taken) == 1

    story(tmp_path, tell)


def test_what_waits_can_be_withdrawn(tmp_path: Path) -> None:
    """Messages about one thing that have not left are given up, also one whose try fails meanwhile; others stay."""

    async def tell(office: Office) -> None:
        lan = await office.person(email="lan@example.vn")
        other = replace(draft(lan, "other"), about="urn:ngsi-ld:CitizenReport:XYZ789")
        await queue(office.messages, [draft(lan, "one"), draft(lan, "two"), other])
        office.post.answers = ["451 later"] * 3
        await send_due(office.messages)
        assert told_about(office.messages, REPORT)[State.FAILED] == 2
        assert await withdraw(office.messages, REPORT)
        assert told_about(office.messages, REPORT)[State.DEAD] == 2
        await send_due(office.messages, now_us() + HOUR)
        assert [one.about for one in office.all() if one.state is State.SENT] == [other.about]

    story(tmp_path, tell)

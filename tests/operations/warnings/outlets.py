"""A city with real outlets for tests of channels: servers of mail, MQTT and HTTP, and people who follow."""

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import aiomqtt
from aiosmtpd.smtp import SMTP, Envelope, Session
from argon2 import PasswordHasher

from dothi.accounts.model import SessionRules
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.citizens import open_citizens
from dothi.citizens.channels import areas
from dothi.citizens.channels.links import makers
from dothi.ground.clock import HOUR, SECOND, iso, now_us
from dothi.hub.core import Hub
from dothi.office.messages import MailServer, Messages, open_messages, outbox
from dothi.office.rules import open_rules
from dothi.operations.model import INSTEAD, OWNER, Operations
from dothi.operations.warnings import service
from dothi.operations.warnings.channels import following
from dothi.operations.warnings.channels.delivery import Delivery, deliveries
from dothi.operations.warnings.channels.model import SYSTEM, Channels
from dothi.operations.warnings.channels.mqtt import Broker
from dothi.operations.warnings.channels.opening import Addresses, open_channels
from dothi.operations.warnings.model import Draft, Kind, Warning
from dothi.operations.warnings.rules import rules_kind
from tests.operations.warnings.writing import HERE, draft, followed, released

SECRET = "a secret of sixteen letters"
STAFF = "truc.ban@hue.example.vn"


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

    def to(self, address: str) -> list[str]:
        """The subjects of the letters to one address, in the order in which they came."""
        return [str(one["Subject"]) for one in self.taken if one["To"] == address]


@dataclass
class Sink:
    """A real receiver of requests: answers as it is told, keeps (path, headers, body)."""

    answers: list[int] = field(default_factory=list)  # To the next requests; then 204.
    taken: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    port: int = 0
    meanwhile: Callable[[], None] = lambda: None  # Done while a request waits for its answer.

    def kinds(self, path: str = "/warnings") -> list[str]:
        """The kinds of messages that were taken over at a path."""
        return [body["kind"] for where, _, body in self.taken if where == path]


@contextmanager
def receiving() -> Iterator[Sink]:
    """A receiver that listens until the block ends."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.meanwhile()
            status = sink.answers.pop(0) if sink.answers else 204
            if status < 300:
                sink.raw.append(body)
                sink.taken.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class City:
    """What a story may use. `now` is the real clock: channels wait by it."""

    operations: Operations
    channels: Channels
    messages: Messages
    citizens: Any
    post: Post

    async def follow(self, unit: str, mail: str, language: str = "vi", warnings: bool = True) -> None:
        """Somebody asks for the warnings of a unit, and confirms it."""
        wish = areas.Wish(areas.Area(unit), (), mail, language, True, warnings)
        made = await areas.ask(self.citizens, self.messages, wish)
        await areas.confirm(self.citizens, makers(self.citizens)["confirm"](made).rpartition("/")[2])

    async def out(self, now: int | None = None, hours: float = 6, **more: Any) -> Warning:
        """A warning of one ward that two people let out."""
        at = now or now_us()
        return await released(self.operations, self.words(at, hours, **more), at)

    async def then(self, before: Warning, kind: Kind, now: int | None = None, **more: Any) -> Warning:
        """The next message of a warning."""
        at = now or now_us()
        return await followed(self.operations, before, kind, self.words(at, 6, **more), at)

    def words(self, at: int, hours: float, **more: Any) -> Draft:
        """A whole draft that ends so many hours after `at`."""
        return draft(**{"expires": iso(at + round(hours * HOUR) // SECOND * SECOND), **more})

    def delivery(self, warning: Warning, channel: str) -> Delivery:
        """How far a message went on a channel."""
        return next(one for one in deliveries(self.operations, SYSTEM, warning.id) if one.channel == channel)

    def state(self, warning: Warning, channel: str) -> str:
        """Where a delivery stands; "" while it is not made."""
        found = deliveries(self.operations, SYSTEM, warning.id)
        return next((one.state for one in found if one.channel == channel), "")

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The consumers of the application run until the block ends."""
        runs = (following.run(self.operations, self.channels), outbox.run(self.messages))
        tasks = [asyncio.create_task(one) for one in runs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(found: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something holds; gives it."""
    async with asyncio.timeout(seconds):
        while not (seen := found()):
            await asyncio.sleep(0.02)
        return seen


def in_city(
    folder: Path, story: Callable[[City], Awaitable[Any]], broker: int = 0, sink: int = 0, drill: bool = True
) -> Any:
    """Run a story in a city with the outlets whose ports are given; drills have their own when `drill`."""

    async def whole() -> Any:
        hub = Hub(folder / "hub", RolePolicy(HERE.within))
        accounts = Accounts.open(folder, HERE.within, SessionRules(), PasswordHasher(1, 8, 1))
        vault = await Vault.open(folder, accounts)
        citizens = open_citizens(hub, vault, HERE)
        hub.own(OWNER, INSTEAD)
        post = Post()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(post, enable_SMTPUTF8=True), "127.0.0.1", 0)
        post.port = server.sockets[0].getsockname()[1]
        mail = MailServer("127.0.0.1", post.port, "canhbao@hue.example.vn", sender_name="Huế", security="none")
        messages = open_messages(hub, vault, (mail,), "Huế", "https://hue.example.vn", makers(citizens))
        rules = open_rules(hub, HERE, (rules_kind(),))
        operations = Operations(hub, HERE, vault, adopted=rules, messages=messages)
        service.declare(operations)
        channels = open_channels(operations, messages, addresses(broker, sink, drill))
        try:
            return await story(City(operations, channels, messages, citizens, post))
        finally:
            server.close()
            await hub.close()
            vault.close()
            accounts.close()

    return asyncio.run(whole())


def addresses(broker: int, sink: int, drill: bool) -> Addresses:
    """What an operator with all of them would set."""
    url = f"http://127.0.0.1:{sink}" if sink else ""
    return Addresses(
        broker=Broker("127.0.0.1", broker) if broker else None,
        topic="hue",
        drill_topic=drill and bool(broker),
        url=f"{url}/warnings" if url else "",
        drill_url=f"{url}/drill" if url and drill else "",
        secret=SECRET,
        drill_mail=(STAFF,) if drill else (),
    )


@dataclass
class Listener:
    """A box that subscribes to everything on a broker."""

    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)  # Topic, content, retained.

    def topics(self) -> set[str]:
        """Where something with content was said."""
        return {topic for topic, content, _ in self.heard if content}

    def at(self, end: str) -> list[bytes]:
        """What was said on the topics with this end."""
        return [content for topic, content, _ in self.heard if topic.endswith(end)]


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    """A subscriber to # until the block ends; what is retained comes first."""
    listener = Listener()
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("#", qos=1)

        async def hear() -> None:
            async for message in client.messages:
                content = message.payload if isinstance(message.payload, bytes) else b""
                listener.heard.append((str(message.topic), content, bool(message.retain)))

        task = asyncio.create_task(hear())
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

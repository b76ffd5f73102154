"""A mail in, an answer out, a link that opens: the application with a relay before it and a mail server behind it."""

import asyncio
import email
import email.policy
import re
import smtplib
import socket
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from dothi.app import close_city, make_app, open_city
from dothi.settings import read
from tests.web.city import serving

PATIENCE_S = 30


class Box:
    """The mail server of the citizen."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = cast(bytes, envelope.content)
        self.mails.append(cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default)))
        return "250 OK"


def wait_for(seen: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := seen()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def relay(port: int, words: str, subject: str, key: str) -> None:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = "Lan <lan@example.vn>", subject, key
    message.set_content(words)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.sendmail("lan@example.vn", ["phananh@hue.example.vn"], message.as_bytes(policy=email.policy.SMTP))


def test_by_mail_from_end_to_end(tmp_path: Path) -> None:
    """What somebody mails is a report; the answer's link opens it; an answer to the answer adds to it."""
    box, into = Box(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    set_by_operator = {
        "DOTHI_UNIT": "46", "DOTHI_MAIL_SERVER": f"127.0.0.1:{server.port}", "DOTHI_MAIL_SECURITY": "none",
        "DOTHI_MAIL_FROM": "phananh@hue.example.vn", "DOTHI_MAIL_IN_PORT": str(into), "DOTHI_CITY": "Huế",
    }  # fmt: skip
    settings = read(set_by_operator, data=tmp_path)
    loop = asyncio.new_event_loop()
    parts = loop.run_until_complete(open_city(settings, settings.city))
    try:
        thread = asyncio.to_thread(talk, box, into, make_app(parts, settings), loop)
        loop.run_until_complete(thread)
    finally:
        loop.run_until_complete(close_city(parts))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        server.stop()


def talk(box: Box, into: int, app: Any, loop: asyncio.AbstractEventLoop) -> None:
    """The citizen's side of it, in a thread of its own."""
    with serving(app, loop) as address:
        wait_for(lambda: listens(into))
        relay(into, "Đèn trước cổng chợ Đông Ba tắt ba đêm nay.", "Đèn hỏng", "<1@x>")
        (answer,) = wait_for(lambda: box.mails)
        assert answer["Subject"].startswith("Đã nhận phản ánh ")
        link = re.search(r"/follow/\S+", answer.get_content())
        assert link
        page = httpx.get(address + link[0], timeout=20)
        assert (page.status_code, "chợ Đông Ba" in page.text) == (200, True)
        relay(into, "Cột đèn số 7.", f"Re: {answer['Subject']}", "<2@x>")
        added = wait_for(lambda: box.mails[1:])[0]
        assert added["Subject"].startswith("Đã bổ sung vào phản ánh")
        assert "Cột đèn số 7." in httpx.get(address + link[0], timeout=20).text

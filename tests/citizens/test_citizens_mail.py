"""Mail in: real SMTP to the real listener; a mail becomes a report or words to one, once, whatever its form."""

import asyncio
import base64
import quopri
import smtplib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.accounts.vault import open_identity
from dothi.citizens import Filing, Outcome, Report, Upload, answer, file_report, receive
from dothi.citizens.channels import notices
from dothi.citizens.channels.links import makers
from dothi.citizens.channels.listener import MAIL_MAX, MailDesk, listen
from dothi.citizens.channels.mail import decoded, read_mail
from dothi.citizens.channels.notices import contacts_of
from dothi.citizens.handling.waiting import ask
from dothi.citizens.intake.codes import find_by_number
from dothi.citizens.model import TYPE, State, report_of
from dothi.citizens.needs import SYSTEM, Allowance
from dothi.citizens.reading import timeline
from dothi.hub.model import Actor
from dothi.office.messages import Message, open_messages
from dothi.office.messages.model import SYSTEM as POST
from dothi.office.messages.model import TYPE as MESSAGE
from dothi.office.messages.model import message_of
from dothi.office.messages.wording import letter_of
from tests.citizens.conftest import HUE, THUAN_HOA, City

Tell = Callable[[Callable[["Desk"], Awaitable[Any]]], Any]
WORDS = "Đèn trước số nhà 12 đường Lê Lợi tắt ba đêm nay, gọi 0912 345 678."


@dataclass
class Desk:
    """A city with its listener; `send` hands a mail over as a relay does."""

    city: City
    desk: MailDesk
    port: int

    async def send(
        self, content: bytes | EmailMessage | MIMEMultipart | MIMEText, sender: str = "lan@example.vn"
    ) -> None:
        raw = content if isinstance(content, bytes) else content.as_bytes()

        def relay() -> None:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as server:
                server.sendmail(sender, ["phananh@hue.example.vn"], raw)

        await asyncio.to_thread(relay)

    def reports(self) -> list[Report]:
        found = [report_of(one) for one in self.city.hub.find(SYSTEM, TYPE)]
        return sorted(found, key=lambda one: one.filed_at)

    async def letters(self) -> list[Message]:
        """What is queued, after the notices have been read."""
        going = asyncio.create_task(notices.run(self.city.citizens, self.desk.messages))
        await asyncio.sleep(0.2)
        going.cancel()
        await asyncio.wait([going])
        return [message_of(one) for one in self.city.hub.find(POST, MESSAGE)]


@pytest.fixture
def at_desk(in_city: Any) -> Tell:
    """Runs one story with the listener of the province's desk open."""

    def tell(story: Callable[[Desk], Awaitable[Any]]) -> Any:
        async def whole(city: City) -> Any:
            made = makers(city.citizens)
            messages = open_messages(city.hub, city.vault, (), "Huế", "https://hue.example.vn", made)
            desk = MailDesk(city.citizens, messages, HUE, "phananh@hue.example.vn", Allowance(20, 60))
            server = await listen(desk, "127.0.0.1", 0)
            try:
                return await story(Desk(city, desk, server.sockets[0].getsockname()[1]))
            finally:
                server.close()

        return in_city(whole)

    return tell


def mail(words: str, subject: str = "Đèn hỏng", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Trần Thị Lan <lan@example.vn>",
        "phananh@hue.example.vn",
        subject,
    )
    message["Message-ID"] = headers.pop("message_id", "<1@example.vn>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(words)
    return message


def test_a_mail_becomes_a_report(at_desk: Tell, phone_photo: Upload) -> None:
    """Words and a cleaned photo stand at the desk under “other”, the sender in the vault; twice delivered is once."""

    async def story(here: Desk) -> None:
        message = mail(WORDS)
        message.add_attachment(phone_photo.content, maintype="image", subtype="jpeg", filename="IMG.jpg")
        message.add_attachment(b"not a picture", maintype="image", subtype="png", filename="x.png")
        await here.send(message)
        await here.send(message)
        (report,) = here.reports()
        assert (report.category, report.unit, report.decided, report.assignee) == ("other", HUE, False, HUE)
        assert report.description.startswith("Đèn hỏng\nĐèn trước số nhà 12 đường Lê Lợi")
        assert report.description.endswith("(Không nhận được 1 tệp đính kèm.)")
        assert "0912" not in report.description
        (photo,) = report.photos
        assert b"MayAnhThu" not in here.city.hub.read_file(photo.sha256)
        (contact,) = contacts_of(here.city.citizens, report)
        who = await open_identity(here.city.vault, SYSTEM, contact.person, "test")
        assert who == Identity("Trần Thị Lan", email="lan@example.vn")
        assert "lan@example.vn" not in repr(here.city.hub.log())
        (letter,) = await here.letters()
        assert letter.template == "report.by_mail"
        assert (
            f"/follow/{makers(here.city.citizens)['code'](report.code)}" in letter_of(here.desk.messages, letter).text
        )

    at_desk(story)


def test_answers_to_our_mail_add_words(at_desk: Tell, official: Actor, lamp: Filing, make_jpeg: Any) -> None:
    """A mail with the code in its subject adds its own words and photos, once; it answers a question that was asked."""

    async def story(here: Desk) -> None:
        citizens = here.city.citizens
        filed = await file_report(citizens, replace(lamp, identity=Identity(email="lan@example.vn")))
        code = makers(citizens)["code"](filed.number)
        quoted = "Cột đèn số 7, cạnh cây phượng.\n\nVào 12:00 22/11/2026, Huế đã viết:\n> Phản ánh đã đến\n"
        again = mail(quoted, f"Re: Đã nhận phản ánh {filed.number} [{code}]", message_id="<2@example.vn>")
        again.add_attachment(make_jpeg(), maintype="application", subtype="octet-stream", filename="a.jpg")
        await here.send(again)
        await here.send(again)
        report = find_by_number(citizens, filed.number)
        said = [one.reason for one in timeline(citizens, report) if one.verb == "attach"]
        assert (said, len(report.photos), len(here.reports())) == (["Cột đèn số 7, cạnh cây phượng."], 1, 1)
        await receive(citizens, official, filed.number)
        await ask(citizens, official, filed.number, "Đèn nào tắt: đèn đường hay đèn trang trí của công viên?")
        for _ in range(2):
            await here.send(mail("Đèn đường, cột số 7 nhé.", f"Trả lời: [{filed.follow_code}]", message_id="<3@x>"))
        report = find_by_number(citizens, filed.number)
        assert report.state is State.IN_PROGRESS
        assert [one.reason for one in timeline(citizens, report)].count("Đèn đường, cột số 7 nhé.") == 1
        wrong = mail("Mã sai thì vẫn là phản ánh mới.", f"Re: [{code[:-1]}{'2' if code[-1] != '2' else '3'}]")
        await here.send(wrong)
        assert len(here.reports()) == 2
        assert sorted(one.template for one in await here.letters()) == [
            "report.asked", "report.by_mail", "report.filed", "report.received", "report.words_added",
            "report.words_added",
        ]  # fmt: skip

    at_desk(story)


def test_closed_reports_and_secrets_are_told_why(
    at_desk: Tell, official: Actor, lamp: Filing, proof: Upload, answer_words: str
) -> None:
    """A mail to an answered report, and one that says nothing, get one letter with the reason; nothing is added."""

    async def story(here: Desk) -> None:
        citizens = here.city.citizens
        filed = await file_report(citizens, lamp)
        await receive(citizens, official, filed.number)
        await answer(citizens, official, filed.number, Outcome.RESOLVED, answer_words, [proof])
        for _ in range(2):
            await here.send(mail("Chưa sửa.", f"Re: [{filed.follow_code}]"))
            await here.send(mail("", "", message_id="<4@x>"))
        letters = [one for one in await here.letters() if one.template == "report.mail_refused"]
        assert sorted(one.params["why"] for one in letters) == [
            citizens.rules.notices.refusals[name]["vi"] for name in ("closed", "description")
        ]
        assert len(here.reports()) == 1

    at_desk(story)


def test_programs_and_floods_are_left_alone(at_desk: Tell) -> None:
    """Bounces, absence notes, lists, our own mail and a sender who floods make no report; the relay is told to wait."""

    async def story(here: Desk) -> None:
        await here.send(mail("Không gửi được", "Undelivered"), sender="")
        for headers in ({"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<x.example.vn>"}):
            await here.send(mail("Tôi đi vắng.", **headers))
        ours = mail("Vòng lặp")
        ours.replace_header("From", "Huế <PhanAnh@hue.example.vn>")
        await here.send(ours)
        assert (here.reports(), await here.letters()) == ([], [])
        few = replace(here.desk, senders=Allowance(1, 60))
        server = await listen(few, "127.0.0.1", 0)
        flooded = replace(here, port=server.sockets[0].getsockname()[1])
        await flooded.send(mail("Một."))
        with pytest.raises(smtplib.SMTPDataError) as told:
            await flooded.send(mail("Hai.", message_id="<5@x>"))
        assert told.value.smtp_code == 451
        server.close()
        await server.wait_closed()

    at_desk(story)


def test_too_large_or_broken(at_desk: Tell) -> None:
    """A mail above the limit is refused at the door, a broken one is read as far as it goes, a lost hub means later."""

    async def story(here: Desk) -> None:
        with pytest.raises(smtplib.SMTPResponseException) as told:
            await here.send(b"Subject: x\r\n\r\n" + b"x" * (MAIL_MAX + 1))
        assert told.value.smtp_code == 552
        broken = (
            b"From: lan@example.vn\r\nSubject: =?utf-8?B?!!!?= hong\r\nMessage-ID: <6@x>\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/mixed; boundary="abc\r\n\r\n--abc\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n%%%\r\n"
        )
        await here.send(broken)
        assert len(here.reports()) <= 1

    at_desk(story)


TEXT = "Ổ gà sâu ở đường Nguyễn Huệ, phường Thuận Hóa: ướt, trượt, ngã."
DECOMPOSED_1258 = b"\xd4\xd2 g\xe0 \xf0\xfd\xf5\xccng"  # Ô + hook, gà, đường: as Windows-1258 writes marks.


@pytest.mark.parametrize(
    ("content", "charset", "transfer"),
    [
        (TEXT.encode(), "utf-8", "8bit"),
        (TEXT.encode(), "utf-8", "quoted-printable"),
        (TEXT.encode(), "tcvn-5712", "base64"),
        (TEXT.encode(), "x-viet-tcvn", "8bit"),
        (TEXT.encode(), "us-ascii", "base64"),
        (TEXT.encode(), "windows-1258", "8bit"),
    ],
)
def test_whatever_the_charset_claims(content: bytes, charset: str, transfer: str) -> None:
    """UTF-8 is read as UTF-8 under any name and transfer encoding."""
    sent = {"8bit": content, "quoted-printable": quopri.encodestring(content), "base64": base64.encodebytes(content)}
    head = (
        f"From: lan@example.vn\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {transfer}\n\n"
    )
    assert read_mail(head.encode() + sent[transfer]).words == TEXT


def test_old_vietnamese_bytes() -> None:
    """Windows-1258 is read under its name, a wrong one and none, in form C; HTML is read as its reader sees it."""
    wanted = "Ổ gà đường"
    for claimed in ("windows-1258", "iso-8859-1", "utf-8", "x-viet-tcvn", "no-such-charset", ""):
        assert decoded(DECOMPOSED_1258, claimed) == wanted, claimed
    page = MIMEText(
        "<style>p{}</style><p>Đèn&nbsp;hỏng</p><div>ở <b>cầu</b> Trường Tiền<br>từ tối qua</div>", "html", "utf-8"
    )
    assert read_mail(page.as_bytes()).words == "Đèn hỏng\nở cầu Trường Tiền\ntừ tối qua"
    both = MIMEMultipart("alternative")
    both.attach(MIMEText("Chữ thường", "plain", "utf-8"))
    both.attach(MIMEText("<p>Trang</p>", "html", "utf-8"))
    both.attach(MIMEImage(b"\xff\xd8\xff", "jpeg"))
    read = read_mail(both.as_bytes())
    assert (read.words, len(read.photos)) == ("Chữ thường", 1)


def test_desk_of_a_commune(at_desk: Tell) -> None:
    """A commune's own city has no province's desk: its mail is its own, and long mails keep their beginning."""

    async def story(here: Desk) -> None:
        commune = replace(here.desk, home=THUAN_HOA)
        server = await listen(commune, "127.0.0.1", 0)
        await replace(here, port=server.sockets[0].getsockname()[1]).send(mail("Ngập. " * 900))
        server.close()
        (report,) = here.reports()
        assert (report.unit, report.decided) == (THUAN_HOA, True)
        assert len(report.description) <= here.city.citizens.rules.limits.description_letters
        assert report.description.endswith("[…]")

    at_desk(story)

"""The channel of mail: a letter as RFC 5322 text, handed to the operator's server by SMTP."""

import ssl
from dataclasses import dataclass, field
from email.header import Header
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate

import aiosmtplib

from dothi.accounts.model import Identity
from dothi.office.messages.model import Letter, NotNow, Refused

TIMEOUT_S = 20
_PERMANENT = 500


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. `security` is starttls, tls or none (a server on this machine)."""

    host: str
    port: int
    sender: str  # The city's own mail address.
    name: str = "mail"
    sender_name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"
    tls: ssl.SSLContext | None = None  # Only where the server's certificate is signed by nobody known.

    def address(self, who: Identity) -> str:
        """The person's mail address."""
        return who.email if "@" in who.email else ""

    async def send(self, address: str, letter: Letter) -> None:
        """One connection, one letter. An answer of 5xx is for ever, everything else is tried again."""
        message = compose(self, address, letter)
        try:
            await aiosmtplib.send(
                message,
                sender=self.sender,
                recipients=[address],
                hostname=self.host,
                port=self.port,
                username=self.user or None,
                password=self.password or None,
                use_tls=self.security == "tls",
                start_tls=self.security == "starttls",
                tls_context=self.tls,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            _raise(refused.recipients[0].code, refused)
        except aiosmtplib.SMTPAuthenticationError as refused:
            raise NotNow(f"smtp sign-in {refused.code}") from refused  # The operator mends it; nobody's mail is lost.
        except aiosmtplib.SMTPResponseException as refused:
            _raise(refused.code, refused)
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise NotNow(f"smtp {type(fault).__name__}") from fault


def _raise(code: int, cause: Exception) -> None:
    """The server's words may repeat the address: only its code is told."""
    raise (Refused if code >= _PERMANENT else NotNow)(f"smtp {code}") from cause


def compose(server: MailServer, address: str, letter: Letter) -> MIMEText:
    """The letter as mail: marked as written by a program, so that no auto-reply answers it (RFC 3834).

    Headers are encoded whole: the standard library's newer way loses blanks between Vietnamese words when it folds.
    """
    message = MIMEText(letter.text, "plain", "utf-8")
    message["From"] = formataddr((Header(_one_line(server.sender_name), "utf-8").encode(), server.sender))
    message["To"] = _one_line(address)
    message["Subject"] = Header(_one_line(letter.subject), "utf-8")  # type: ignore[assignment]
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{letter.id.rpartition(':')[2]}@{server.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if letter.stop:  # RFC 8058: the reader's program can end it with one POST.
        message["List-Unsubscribe"] = f"<{letter.stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())

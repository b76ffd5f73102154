"""All settings of dothi, read once from the environment and the command line, then frozen."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dothi.ground.errors import Invalid

MIB = 1024 * 1024
SECRET_MIN = 16  # Characters of a secret that signs.


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose; each field is set by DOTHI_<NAME> or an argument of the same name."""

    data: Path = Path("dothi-data")  # The folder of store, log and files.
    store: str = field(default="", repr=False)  # postgresql://user:password@host:port/name; "" is a file in the folder.
    archive: str = ""  # Where sealed history lies, e.g. s3://bucket/archive; "" is the data folder.
    archive_hours: int = 24  # The log is sealed when it is older …
    archive_beyond: int = 256 * MIB  # … or longer (bytes).
    files: str = ""  # Where photos and documents lie, e.g. s3://bucket/photos; "" is the data folder.
    vault_key: Path | None = None  # The file of the vault's key, shared by all machines; None: vault.key in the folder.
    workers: int = 1  # Processes that serve together behind one address.
    inside: str = ""  # Where other machines over the same database reach this one; "" for http://host:port.
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""  # The address people use, e.g. https://dothi.example.vn; "" means http://host:port.
    city: str = "Đô thị thông minh"  # The name in the top bar, e.g. "Phường Phú Xuân".
    unit: str = ""  # Code of the province or commune that the city is; "" for the whole country.
    open: bool = False  # Anonymous NGSI-LD on generic types; loopback only.
    context_hosts: frozenset[str] = frozenset()  # Hosts from which @context documents may be fetched.
    peer_hosts: frozenset[str] = frozenset()  # Hosts inside that subscriptions and registrations may name; * is all.
    alias: str = ""  # How this hub calls itself among others (Via); "" for a name made once.
    split_entities: bool = False  # Entities are split between this hub and others unless a request says otherwise.
    max_body: int = 16 * MIB  # Bytes of one request.
    max_depth: int = 64  # Levels of nesting in one JSON document.
    history_page: int = 5000  # Past instances in one NGSI-LD answer; what is longer comes in parts.
    secure_cookies: bool | None = None  # None: exactly when the public address is https.
    timezone: str = "Asia/Ho_Chi_Minh"
    locale: str = "vi"
    mail_server: str = ""  # host:port that takes mail for people; "" lets messages wait.
    mail_from: str = ""  # The city's own mail address.
    mail_security: str = "starttls"  # starttls, tls, or none for a server on this machine.
    mail_user: str = ""
    mail_password: str = field(default="", repr=False)
    phone_url: str = ""  # Where messages for phones are posted, signed; "" lets them wait.
    phone_secret: str = field(default="", repr=False)
    mail_in_host: str = "127.0.0.1"  # Where mail that is to become reports is listened for.
    mail_in_port: int = 0  # 0: no mail is taken in.
    warning_broker: str = ""  # host:port of the MQTT broker on which warnings stand; "" is off.
    warning_broker_user: str = ""
    warning_broker_password: str = field(default="", repr=False)
    warning_broker_tls: bool = False
    warning_topic: str = "dothi"  # What the topics begin with: <topic>/warnings/<unit>/…
    warning_url: str = ""  # Where warnings are posted, signed, for SMS, radio or loudspeakers; "" is off.
    warning_secret: str = field(default="", repr=False)
    backup: str = ""  # Where the city backs itself up while it is served: a folder or s3://…; "" is off.
    backup_every: int = 300  # Seconds from one backup to the next.
    backup_keep: str = "7d,4w,12m"  # Older backups that stay: one a day, a week, a month.
    drill_mail: tuple[str, ...] = ()  # Mail addresses of staff to whom drills go.
    drill_topic: bool = False  # Whether drills are told below <topic>/drill.
    drill_url: str = ""  # Where drills are posted; never the address of real warnings.

    @property
    def address(self) -> str:
        """The public address without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def cookies_secure(self) -> bool:
        """Whether cookies are sent over https only."""
        return self.address.startswith("https://") if self.secure_cookies is None else self.secure_cookies


def read(environment: Mapping[str, str], **arguments: Any) -> Settings:
    """The settings: an argument (None = not given) wins over DOTHI_<NAME>, which wins over the default.

    Invalid names the setting that cannot be used.
    """
    given = {name: text for name in _PARSERS if (text := environment.get(f"DOTHI_{name.upper()}"))}
    given.update({name: value for name, value in arguments.items() if value is not None})
    unknown = given.keys() - _PARSERS.keys()
    if unknown:
        raise Invalid(f"There is no setting {', '.join(sorted(unknown))}.")
    settings = Settings(**{name: _parsed(name, value) for name, value in given.items()})
    lacking = _lacking(settings)
    if lacking:
        raise Invalid(lacking)
    if settings.open and not is_loopback(settings.host):
        raise Invalid(f"open works on a loopback address only, not on {settings.host}: anyone could write there.")
    return settings


def _lacking(settings: Settings) -> str:
    """What a setting needs beside itself, empty when nothing lacks."""
    if settings.mail_server and "@" not in settings.mail_from:
        return "mail_server needs mail_from: the mail address under which the city writes."
    if settings.mail_in_port and not settings.unit:
        return "mail_in_port needs unit: whose desk gets what comes by mail."
    if settings.phone_url and not settings.phone_secret:
        return "phone_url needs phone_secret: the gateway knows by it that the city wrote."
    return _lacking_for_warnings(settings)


def _lacking_for_warnings(settings: Settings) -> str:
    """The same of the channels of warnings and drills."""
    if (settings.warning_url or settings.drill_url) and len(settings.warning_secret) < SECRET_MIN:
        return f"warning_url and drill_url need warning_secret of {SECRET_MIN} characters or more: requests are signed."
    if settings.drill_url and settings.drill_url == settings.warning_url:
        return "drill_url is the address of real warnings (warning_url): a drill would reach the public there."
    if settings.drill_topic and not settings.warning_broker:
        return "drill_topic needs warning_broker: the broker on which drills are told."
    if settings.drill_mail and not settings.mail_server:
        return "drill_mail needs mail_server: who sends the letters."
    return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parsed(name: str, value: Any) -> Any:
    try:
        return _PARSERS[name](value)
    except (ValueError, TypeError, ZoneInfoNotFoundError) as cause:
        raise Invalid(f"The setting {name} cannot be {str(value)[:80]!r}: {cause}") from cause


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if not (text := str(value).strip()).isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _token(value: Any) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|-]{1,100}", str(value)):
        raise ValueError("it must be 1 to 100 letters, digits, dots, hyphens or underscores")
    return str(value)


def _flag(value: Any) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if str(value).lower() not in known:
        raise ValueError("it must be yes or no")
    return known[str(value).lower()]


def _hosts(value: Any) -> frozenset[str]:
    parts = value.split(",") if isinstance(value, str) else value
    return frozenset(part.strip().lower() for part in parts if part.strip())


def _address(value: Any) -> str:
    if not str(value).startswith(("http://", "https://")):
        raise ValueError("it must begin with http:// or https://")
    return str(value).rstrip("/")


def _database(value: Any) -> str:
    if str(value) and not str(value).startswith(("postgresql://", "postgres://")):
        raise ValueError("it must begin with postgresql://, or be empty for a file in the data folder")
    return str(value)


def _zone(value: Any) -> str:
    return ZoneInfo(str(value)).key


def _locale(value: Any) -> str:
    if value not in ("vi", "en"):
        raise ValueError("it must be vi or en")
    return str(value)


def _server(value: Any) -> str:
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("it must be host:port, e.g. mail.example.vn:587")
    return str(value)


def _security(value: Any) -> str:
    if value not in ("starttls", "tls", "none"):
        raise ValueError("it must be starttls, tls or none")
    return str(value)


def _mails(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    found = tuple(part.strip() for part in parts if part.strip())
    if wrong := next((one for one in found if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", one)), ""):
        raise ValueError(f"{wrong} is no mail address; separate several by commas")
    return found


def _topic(value: Any) -> str:
    levels = str(value).strip("/").split("/")
    if not all(re.fullmatch(r"[\w.-]+", level) for level in levels) or "drill" in levels:
        raise ValueError("it must be letters, digits, dots and hyphens between slashes, without a level “drill”")
    return "/".join(levels)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "data": Path,
    "store": _database,
    "archive": str,
    "archive_hours": _whole(0, 1_000_000),
    "archive_beyond": _whole(MIB, 1 << 50),
    "files": str,
    "vault_key": Path,
    "workers": _whole(1, 64),
    "inside": _address,
    "host": str,
    "port": _whole(0, 65535),
    "public_url": _address,
    "city": str,
    "unit": str,
    "open": _flag,
    "context_hosts": _hosts,
    "peer_hosts": _hosts,
    "alias": _token,
    "split_entities": _flag,
    "max_body": _whole(1024, 1024 * MIB),
    "max_depth": _whole(8, 500),
    "history_page": _whole(1, 1_000_000),
    "secure_cookies": _flag,
    "timezone": _zone,
    "locale": _locale,
    "mail_server": _server,
    "mail_from": str,
    "mail_security": _security,
    "mail_user": str,
    "mail_password": str,
    "phone_url": _address,
    "phone_secret": str,
    "mail_in_host": str,
    "mail_in_port": _whole(0, 65535),
    "warning_broker": _server,
    "warning_broker_user": str,
    "warning_broker_password": str,
    "warning_broker_tls": _flag,
    "warning_topic": _topic,
    "warning_url": _address,
    "warning_secret": str,
    "backup": str,
    "backup_every": _whole(1, 86_400),
    "backup_keep": str,
    "drill_mail": _mails,
    "drill_topic": _flag,
    "drill_url": _address,
}
assert _PARSERS.keys() == {one.name for one in fields(Settings)}, "every setting has a parser"

"""The URL of a database: what is connected to, how, and what is said when it cannot be. The password is never shown."""

import asyncio
import urllib.parse
from dataclasses import dataclass, field

import asyncpg

from dothi.ground.errors import DothiError, Invalid, Unavailable

_OURS = ("pool", "timeout")  # What a URL may say to us rather than to PostgreSQL.
_CONNECT_S = 5.0
_SETTINGS = {
    "application_name": "dothi",
    "timezone": "UTC",
    # Every statement of ours looks up keys: a plan made while a table was small must not outlive that.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # A turn whose process is gone or cut off must not hold up the others for long; one that stands still, not for ever.
    "idle_in_transaction_session_timeout": "300000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "synchronous_commit": "on",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is."""

    url: str = field(repr=False)
    where: str  # Host, port and name, for people.
    pool: int = 8  # Connections that read.
    patience: float = 10.0  # Seconds until a statement without an answer counts as lost.
    settings: dict[str, str] = field(default_factory=dict)


def read(url: str) -> Address:
    """The address that a URL says. Invalid when it cannot be one."""
    try:
        parts = urllib.parse.urlsplit(url)
        asked = dict(urllib.parse.parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        pool, patience = int(asked.pop("pool", 8)), float(asked.pop("timeout", 10))
    except ValueError:
        raise Invalid(_MALFORMED) from None  # Its cause would show the URL with the password.
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise Invalid(_MALFORMED)
    if not (1 <= pool <= 500 and 0.1 <= patience <= 600):
        raise Invalid("The store's URL asks for pool (1 to 500 connections) or timeout (0.1 to 600 s) out of range.")
    if asked.get("synchronous_commit") in ("off", "local", "remote_write"):
        raise Invalid("The store's URL sets synchronous_commit lower than on: what is answered must be flushed.")
    settings = {name: value for name, value in _SETTINGS.items() if name not in asked}
    settings.setdefault("statement_timeout", str(int(patience * 1000)))
    settings.setdefault("lock_timeout", str(int(patience * 1000)))
    bare = urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(asked)))
    where = f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"
    return Address(bare, where, pool, patience, settings)


_MALFORMED = "The store's URL is not of the form postgresql://user:password@host:port/database: mend the setting store."


async def connect(address: Address) -> asyncpg.Connection:
    """A new connection. Raises what asyncpg raises."""
    # Where several hosts are named, the one that takes writes is meant, unless the URL says otherwise.
    attributes = None if "target_session_attrs=" in address.url else asyncpg.connect_utils.SessionAttribute.read_write
    return await asyncpg.connect(
        address.url,
        timeout=min(_CONNECT_S, address.patience),
        command_timeout=address.patience,
        server_settings=address.settings,
        target_session_attrs=attributes,
    )


def is_lost(fault: BaseException) -> bool:
    """Whether a fault means that the database does not answer now, rather than that it was asked wrongly."""
    if isinstance(fault, asyncpg.DataError | asyncpg.ClientConfigurationError):
        return False
    return isinstance(fault, _LOST)


_LOST = (
    OSError,
    TimeoutError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # The connection broke in the middle of a question, and is asked the next one.
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # Shut down, cancelled, starting.
    asyncpg.InsufficientResourcesError,  # Too many connections, no memory, no room.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,  # It became a standby.
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TargetServerAttributeNotMatched,
)


def unavailable(address: Address, fault: BaseException) -> Unavailable:
    """What is said when a database that was there does not answer now."""
    return Unavailable(f"The database at {address.where} does not answer ({_reason(fault)}). Try again in a moment.")


def refused(address: Address, fault: BaseException) -> DothiError:
    """What is said when a store cannot be opened: what, where, what to do."""
    where = address.where
    if isinstance(fault, asyncpg.InvalidAuthorizationSpecificationError):
        return Invalid(f"The database at {where} refuses the user or the password of the store's URL: mend them there.")
    if isinstance(fault, asyncpg.InvalidCatalogNameError):
        return Invalid(f"There is no database at {where}: make it (createdb), or mend its name in the store's URL.")
    if isinstance(fault, asyncpg.InsufficientPrivilegeError):
        return Invalid(f"The user of the store's URL may not use {where} ({_reason(fault)}): make them its owner.")
    if isinstance(fault, asyncpg.TargetServerAttributeNotMatched):
        return Invalid(f"{where} takes no writes (a standby?): name its primary in the store's URL.")
    if isinstance(fault, asyncpg.ClientConfigurationError | ValueError):
        return Invalid(_MALFORMED)
    if not is_lost(fault):
        return Invalid(f"The database at {where} cannot be used ({_reason(fault)}): give dothi one of its own.")
    return Unavailable(
        f"No database answers at {where} ({_reason(fault)}): start it, or mend host and port in the store's URL."
    )


def _reason(fault: BaseException) -> str:
    told = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    return told[:200]

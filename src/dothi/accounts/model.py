"""The nouns of accounts: people, organisations, sessions, keys, events and citizens' identities."""

from dataclasses import dataclass, field

from dothi.ground.errors import Invalid, TooSoon, Unauthenticated
from dothi.hub.model import Actor


class WrongCredentials(Unauthenticated):
    """The name or the password is wrong."""  # The same words for both, so that nobody learns which names exist.


class SessionOver(Unauthenticated):
    """The session has ended; sign in again."""


class BadKey(Unauthenticated):
    """This API key does not exist or was revoked."""


class TooManyTries(TooSoon):
    """Too many failed sign-ins; wait a little."""


class WeakPassword(Invalid):
    """The password is too short or too easy to guess."""


class LinkOver(Invalid):
    """This link was used already or has expired; ask for a new one."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A body that owes work and that people belong to: a department, a utility; `unit` is where it is competent."""

    id: str  # Code: that of its unit, a full stop and a name, e.g. 46.dien-luc.
    name: str
    unit: str  # Code of the province or commune.
    kind: str = ""  # What rules ask for: construction, electricity, water, telecom …
    name_en: str = ""
    valid_from: str = ""  # Day, yyyy-mm-dd; "" is always.
    valid_to: str = ""  # Its last day; "" is still so.
    sample: bool = False  # A labelled sample.

    def name_in(self, language: str) -> str:
        """The name in "vi" or "en"."""
        return self.name_en if language == "en" and self.name_en else self.name

    def held(self, day: str) -> bool:
        """Whether it was in force on a day (yyyy-mm-dd)."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)


@dataclass(frozen=True, slots=True)
class User:
    """A person with a local account. The roles hold in `areas` (unit codes); no area means the whole tenant."""

    id: str
    login: str
    display_name: str
    roles: frozenset[str]
    areas: frozenset[str] = frozenset()
    organisation: str = ""
    disabled: bool = False
    created_at: int = 0

    @property
    def actor_id(self) -> str:
        """The name under which this person's writes stand in the log."""
        return f"user:{self.id}"


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A session just made. `token` goes into the cookie and is stored nowhere; it ends at `expires_at` (µs)."""

    token: str
    csrf: str
    expires_at: int
    user: User


@dataclass(frozen=True, slots=True)
class Known:
    """A visitor who has signed in: who acts, the name to show, and the value that each form carries."""

    actor: Actor
    name: str
    csrf: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The key of a system: what it may do (`scopes`) and where (`areas`); the key itself is stored only as a hash."""

    id: str
    name: str
    scopes: frozenset[str]
    areas: frozenset[str]
    created_at: int
    created_by: str
    last_used_at: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the register of accounts and vault: who (`actor`) did what (`kind`) to whom (`subject`), and why."""

    seq: int
    at: int
    kind: str
    actor: str
    subject: str = ""
    reason: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a citizen is; lives in the vault only."""

    name: str = ""
    phone: str = ""
    email: str = ""
    account: str = ""  # The id of the citizen's user, when there is one.


@dataclass(frozen=True, slots=True)
class Erasure:
    """The proof that a person was erased, without the person; replayed over every older copy of the vault."""

    pseudonym: str
    at: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long a session lives (µs), and whether its cookie goes over HTTPS only."""

    idle: int = 2 * 3600 * 1_000_000
    absolute: int = 12 * 3600 * 1_000_000
    secure: bool = True


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is needed to make a user; without a password the person sets one by a one-time link."""

    login: str
    display_name: str
    roles: frozenset[str]
    areas: frozenset[str] = frozenset()
    organisation: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample user of the demo, with the password to print."""

    login: str
    password: str
    role: str
    display_name: str
    areas: frozenset[str]

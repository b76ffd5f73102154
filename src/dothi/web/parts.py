"""The parts of the city that pages speak to, made once by app.py."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from dothi.accounts.store import Accounts
from dothi.citizens.needs import Allowance, Citizens
from dothi.evidence.model import Evidence
from dothi.hub.core import Hub
from dothi.hub.peers.custody import Custody
from dothi.office.lifecycle.model import LifeCycle
from dothi.office.messages import Messages
from dothi.office.rules import RuleSets
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.model import Channels
from dothi.programme.model import Programme
from dothi.sources.model import Sources
from dothi.territory import Territory
from dothi.web.opened import Opened


@dataclass(frozen=True)
class Parts:
    """What a page may use: the hub, and each module's own frozen dataclass to hand to its verbs."""

    hub: Hub
    accounts: Accounts
    territory: Territory
    sources: Sources
    operations: Operations
    rules: RuleSets
    life: LifeCycle
    citizens: Citizens
    programme: Programme
    evidence: Evidence
    messages: Messages
    custody: Custody
    city: str = "dothi"  # The name in the top bar, e.g. "Thành phố Huế".
    province: str = ""  # Code of the province whose city this is: where maps begin; "" is the whole country.
    channels: Channels = field(default_factory=Channels)  # On which warnings leave.
    said: Allowance = field(default_factory=lambda: Allowance(600, 60))  # “I am safe”, by address: many share one.
    simulated: bool = False  # A demo: "dữ liệu mô phỏng" stands over every page.
    opened: Opened = field(default_factory=Opened)  # Screens of the centre that were opened, not written yet.
    secure: bool = False  # Served over HTTPS: cookies are sent on HTTPS only.


def parts(connection: HTTPConnection) -> Parts:
    """The parts of the city that this request is about."""
    found: Parts = connection.app.state.parts
    return found

"""A CAP 1.2 message as plain values; texts and instants as they stand in the file, positions longitude first."""

from dataclasses import dataclass

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
Pairs = tuple[tuple[str, str], ...]  # (valueName, value)
Ring = tuple[tuple[float, float], ...]  # (longitude, latitude)

STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
MSG_TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
CATEGORIES = (
    *("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health"),
    *("Env", "Transport", "Infra", "CBRNE", "Other"),
)
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle: its middle in degrees, its radius in kilometres."""

    lon: float
    lat: float
    km: float


@dataclass(frozen=True, slots=True)
class Area:
    """Where it holds (section 3.2.4)."""

    desc: str
    polygons: tuple[Ring, ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: Pairs = ()
    altitude: str = ""
    ceiling: str = ""


@dataclass(frozen=True, slots=True)
class Info:
    """What is said in one language (section 3.2.2); "" is an element that is not there."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    responses: tuple[str, ...] = ()
    audience: str = ""
    event_codes: Pairs = ()
    effective: str = ""
    onset: str = ""
    expires: str = ""
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: Pairs = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One message (section 3.2.1). Resources (3.2.3) are neither sent nor taken in."""

    identifier: str
    sender: str
    sent: str
    status: str
    msg_type: str
    scope: str
    source: str = ""
    restriction: str = ""
    addresses: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[str, ...] = ()  # "sender,identifier,sent" each.
    incidents: str = ""
    infos: tuple[Info, ...] = ()

    @property
    def reference(self) -> str:
        """How a later message names this one (section 3.2.1, references)."""
        return f"{self.sender},{self.identifier},{self.sent}"

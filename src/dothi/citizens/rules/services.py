"""The rules of services' measures as data: minimum sample, interval, bursts, and signs of doubt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Doubt:
    """From where on a figure gets a note that it may be made rather than earned."""

    rate_fall: float
    last_day: float
    same: int
    reopened: float
    on_time: float


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """How ratings become a score, and when they do not."""

    minimum: int
    satisfied: int
    z: float
    per_address: int
    per_address_minutes: int
    repair_hours: float
    burst_minutes: int
    burst_ratings: int
    doubt: Doubt
    groups: Mapping[str, Mapping[str, str]]  # Who somebody is, for trends by group → names by language.
    sample: bool


def parse_services(table: Mapping[str, Any]) -> ServiceRules:
    """The rules that one table says."""
    burst = table["burst"]
    return ServiceRules(
        **table["measure"],
        burst_minutes=burst["minutes"],
        burst_ratings=burst["ratings"],
        doubt=Doubt(**table["doubt"]),
        groups={row["id"]: {"vi": row["vi"], "en": row["en"]} for row in table["group"]},
        sample=bool(table.get("sample")),
    )

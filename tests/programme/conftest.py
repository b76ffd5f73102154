"""A hub with the real policy, and people of one province, for the programme."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.ground.clock import from_iso
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, create, geo, prop, rel, system
from dothi.programme.model import PROPOSALS, Evidence, NewTask, Programme
from dothi.programme.tasks.service import own
from dothi.territory import Territory

T = TypeVar("T")
NOW = from_iso("2026-11-22T02:00:00Z")
PROVINCE, COMMUNE, ELSEWHERE = "46", "19789", "00004"
OFFICER = Actor("user:chuong", frozenset({"programme_officer"}), frozenset({PROVINCE}))
OFFICIAL = Actor("user:binh", frozenset({"official"}), frozenset({COMMUNE}))
DUTY = Actor("user:truc", frozenset({"duty_officer"}))
PDF = b"%PDF-1.4 nghiem thu"


@dataclass
class Town:
    """A programme over a hub; `run` waits for a verb."""

    programme: Programme

    @property
    def hub(self) -> Hub:
        return self.programme.hub

    def run(self, verb: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(verb)

    def evidence(self) -> Evidence:
        return Evidence(self.hub.keep_file(PDF), "nghiem-thu.pdf", "application/pdf")

    def propose(self, name: str, sources: list[str] | None = None) -> str:
        """A proposal as another module makes it."""
        proposal = create(
            f"urn:ngsi-ld:Proposal:{name}",
            "Proposal",
            kind=prop("recurring"),
            state=prop("proposed"),
            sources=rel(sources or ["urn:ngsi-ld:CitizenReport:1", "urn:ngsi-ld:CitizenReport:2"]),
            unit=prop(COMMUNE),
            location=geo({"type": "Point", "coordinates": [107.58, 16.46]}),
        )
        self.run(self.hub.commit(Commit(system("citizens"), (proposal,), owner=PROPOSALS)))
        return proposal.id


def new(**changed: Any) -> NewTask:
    """A task that is clear in all five, but for what is changed."""
    clear = {
        "title": "Thay đèn đường Lê Lợi",
        "lead": COMMUNE,
        "due": "2026-12-31",
        "output": "Biên bản nghiệm thu 40 bóng",
        "units": (COMMUNE,),
        "responsible": "Trưởng phòng Kinh tế, hạ tầng",
        "evidence_kind": "minutes",
    }
    return NewTask(**{**clear, **changed})


@pytest.fixture(scope="session")
def territory() -> Territory:
    return Territory.load()


@pytest.fixture
def town(tmp_path: Path, territory: Territory) -> Iterator[Town]:
    made = Town(Programme(Hub(tmp_path / "hub", RolePolicy(territory.within)), territory))
    own(made.programme)
    yield made
    asyncio.run(made.hub.close())

"""The nouns of a life cycle's end: holds, proposals, records of what was destroyed, proofs of erasure, the register."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from dothi.accounts.vault import Vault
from dothi.hub.core import Hub
from dothi.hub.model import Entity, system
from dothi.office.rules.model import RuleSets

OWNER = "lifecycle"
SYSTEM = system(OWNER)
HOLD, PROPOSAL, RECORD, PROOF, EXPORT = "LegalHold", "DisposalProposal", "DisposalRecord", "ErasureProof", "DataExport"
OWNED = {
    HOLD: "POST /api/lifecycle/holds",
    PROPOSAL: "POST /api/lifecycle/proposals",
    RECORD: "POST /api/lifecycle/proposals/{id}/decision",
    PROOF: "POST /api/lifecycle/erasures",
    EXPORT: "POST /api/lifecycle/exports",
}
REASON_LETTERS = 10
KEEPERS = frozenset({"data_steward", "administrator"})  # Who proposes, runs and holds; approving has its own role.


class State(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class LifeCycle:
    """What the verbs need."""

    hub: Hub
    rules: RuleSets
    vault: Vault | None = None
    folder: Path | None = None  # The data folder, which proofs search byte by byte.
    archive: str = ""  # Where packages go: a folder or s3://bucket/prefix; "" = archives/ in the data folder.


@dataclass(frozen=True, slots=True)
class Hold:
    """What must be neither destroyed nor erased until somebody lifts it."""

    id: str
    version: int
    title: str
    why: str
    things: tuple[str, ...]  # Entity ids.
    persons: tuple[str, ...]  # Pseudonyms.
    types: tuple[str, ...]
    units: tuple[str, ...]
    since: str  # ISO 8601; "" = from the beginning.
    until: str  # ISO 8601; "" = up to now and on.
    placed_by: str
    placed_at: str
    lifted_by: str = ""
    lifted_at: str = ""
    lifted_why: str = ""

    @property
    def stands(self) -> bool:
        """Whether nobody has lifted it."""
        return not self.lifted_at


@dataclass(frozen=True, slots=True)
class Line:
    """What is due of one class in one unit, and what of it is held."""

    data_class: str
    unit: str
    kind: str  # "things", "history" or "events".
    then: str
    hot: int = 0  # Things, entries of the log, or events.
    cold: int = 0
    bytes: int = 0
    oldest: str = ""
    held: int = 0
    holds: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()  # The adopted sets that say so, as id@version; none = what is shipped.

    def as_json(self) -> dict[str, Any]:
        """The form in which an entity and the API hold it."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {"class" if name == "data_class" else name: _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody proposes to dispose of, and how far it is."""

    id: str
    version: int
    state: State
    data_class: str
    unit: str
    then: str
    as_of: str  # The day whose due things it means.
    lines: tuple[Mapping[str, Any], ...]
    reason: str
    proposed_by: str
    proposed_at: str
    approver: str  # The role that decides.
    decided_by: str = ""
    decided_at: str = ""
    why: str = ""
    step: int = 0
    taken: Mapping[str, Any] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    record: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What was destroyed or archived: kept for good."""

    id: str
    data_class: str
    unit: str
    then: str
    things: int
    entries: int
    events: int
    files: int
    bytes: int
    digest: str
    rules: tuple[str, ...]
    proposed_by: str
    approved_by: str
    began_at: str
    ended_at: str
    basis: tuple[str, ...]
    package: str = ""
    manifest: str = ""
    held: int = 0


# Field of a noun → attribute of its entity, where they differ.
_NAMES = {
    **{"types": "kinds", "data_class": "dataClass", "as_of": "asOf", "placed_by": "placedBy", "placed_at": "placedAt"},
    **{"lifted_by": "liftedBy", "lifted_at": "liftedAt", "lifted_why": "liftedWhy", "proposed_by": "proposedBy"},
    **{"proposed_at": "proposedAt", "decided_by": "decidedBy", "decided_at": "decidedAt", "approved_by": "approvedBy"},
    **{"began_at": "beganAt", "ended_at": "endedAt"},
}


def _said(entity: Entity, fields: tuple[str, ...]) -> dict[str, Any]:
    """What an entity says of the fields of a noun; what it does not say is left to the noun."""
    values = {name: entity.value(_NAMES.get(name, name)) for name in fields}
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {name: value for name, value in told.items() if value is not None}


def hold_of(entity: Entity) -> Hold:
    """The hold that an entity is."""
    nothing = dict.fromkeys(("things", "persons", "types", "units"), ()) | {"since": "", "until": ""}
    return Hold(**{**nothing, **_said(entity, Hold.__slots__), "id": entity.id, "version": entity.version})


def proposal_of(entity: Entity) -> Proposal:
    """The proposal that an entity is."""
    said = _said(entity, Proposal.__slots__)
    return Proposal(**{**said, "state": State(said["state"]), "id": entity.id, "version": entity.version})


def record_of(entity: Entity) -> Record:
    """The record that an entity is."""
    return Record(**{**_said(entity, Record.__slots__), "id": entity.id})

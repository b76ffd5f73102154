"""The life of data as policy: how long each class is kept, what then becomes of it, what is held, and the proof.

Rules say it (rules.py); what is over is counted, decided by two persons, and ended in bounded steps that leave a record
(disposals/); holds.py stops it. What belongs to one person goes when they are erased (persons/); register.py knows
what left.
"""

from pathlib import Path

from dothi.accounts.vault import Vault
from dothi.hub.core import Hub
from dothi.office.lifecycle.model import EXPORT, HOLD, OWNED, OWNER, PROOF, PROPOSAL, RECORD, LifeCycle
from dothi.office.rules.model import RuleSets

_INDEXED = {
    HOLD: ("open", "placedAt"),
    PROPOSAL: ("open", "state", "proposedAt"),
    RECORD: ("endedAt", "dataClass"),
    PROOF: ("state", "erasedAt"),
    EXPORT: ("madeAt", "kind"),
}


def open_life(
    hub: Hub, rules: RuleSets, vault: Vault | None = None, folder: Path | None = None, archive: str = ""
) -> LifeCycle:
    """The life cycle over a hub: its types are guarded from here on."""
    hub.own(OWNER, OWNED)
    for kind, names in _INDEXED.items():
        hub.index(kind, *names)
    return LifeCycle(hub, rules, vault, folder, archive)

"""The end of data in the hub: content leaves the log for good, its hash stays, and no file of the store holds it.

What may go, and who decides, is known above (office/lifecycle); this room knows how. Things are deleted by ordinary
commits first, so that everybody who follows the log is told; then their content is taken out.
"""

from dothi.hub.peers.ending.files import unused
from dothi.hub.peers.ending.persons import Silenced, silence, told_of
from dothi.hub.peers.ending.taking import Taken
from dothi.hub.peers.ending.things import Gone, Slice, look_at, lost, scrub, take_out, thin

__all__ = [
    "Gone",
    "Silenced",
    "Slice",
    "Taken",
    "look_at",
    "lost",
    "scrub",
    "silence",
    "take_out",
    "thin",
    "told_of",
    "unused",
]

"""The chain of custody of a city: who signs its log, and what anybody may ask of the signed tree."""

from dataclasses import dataclass
from pathlib import Path

from dothi.hub.core import Hub
from dothi.hub.peers.federate.loops import name_of
from dothi.hub.store.proof import notary
from dothi.hub.store.proof.notary import Notary
from dothi.hub.store.proof.reading import Proofs
from dothi.hub.vocabulary import of_people

_MANY = 1000


@dataclass(frozen=True)
class Custody:
    """The hub whose log is signed, and the notary; None in a process that only reads."""

    hub: Hub
    notary: Notary | None

    @property
    def proofs(self) -> Proofs:
        """The tree, to be read."""
        return self.hub.proofs

    def keys(self) -> list[str]:
        """The public keys that ever signed, as C2SP writes them."""
        return [body.decode().strip() for _, body in self.hub.proofs.store.pages(notary.KEYS_BOOK, -1, _MANY)]


def open_custody(hub: Hub, folder: Path, alias: str = "", worker: str = "") -> Custody:
    """The custody of the hub in `folder`, named by its alias; a `worker` beside the process that writes only reads."""
    return Custody(hub, None if worker else notary.open_notary(folder, alias or name_of(folder), of_people))


async def run(custody: Custody) -> None:
    """Note commits down and sign until cancelled: the work of one process of a city."""
    if custody.notary is not None:
        await notary.run(custody.hub, custody.notary)


async def finish(custody: Custody) -> None:
    """Note down and sign what is left, before the hub closes."""
    if custody.notary is not None:
        await notary.finish(custody.hub, custody.notary)

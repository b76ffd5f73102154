"""Which adapter keeps a hub: a file in its folder, or the database that a URL names; and the folder's lock."""

import fcntl
import os
from pathlib import Path
from typing import IO

from dothi.ground.errors import Conflict
from dothi.hub.store.port import Store
from dothi.hub.store.postgres.store import PostgresStore
from dothi.hub.store.sqlite import versions
from dothi.hub.store.sqlite.store import SqliteStore


def open_store(folder: Path, url: str = "", follows: bool = False) -> Store:
    """The store of the hub in `folder`: embedded without a URL. Invalid when it is foreign or newer than this dothi.

    An embedded one that `follows` is only read: another process writes it.
    """
    if not url:
        return SqliteStore(folder / "hub.db", follows)
    return PostgresStore(url)


def take(folder: Path) -> IO[str]:
    """Hold the folder of a hub for this process, to open its file; the lock falls with the process, however that ends.

    Conflict when another holds it; Invalid, with nothing touched, when its file is foreign or not of this version.
    """
    versions.demand(folder / "hub.db")
    return hold(folder)


def hold(folder: Path) -> IO[str]:
    """Hold the folder whatever lies in it. Conflict when another process does."""
    handle = (folder / "lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        holder = handle.read().strip() or "another process"
        handle.close()
        raise Conflict(
            f"The data folder {folder} is in use by process {holder}: stop it, or send the data to its address."
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle

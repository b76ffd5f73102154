"""Sockets in the data folder: only the user who owns the folder may open them, however long the folder's path is."""

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from dothi.ground.errors import Forbidden

_LONGEST = 100  # Bytes of a socket's path that every system takes.
_CREDENTIALS = struct.Struct("3i")  # Process, user, group.


def listening(path: Path) -> socket.socket:
    """A socket that listens at `path`, where one of an ended process may still lie."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)  # Nobody else, from the first moment on.
    try:
        _reached(path, made.bind)
    finally:
        os.umask(before)
    made.listen(128)
    made.setblocking(False)
    return made


def connected(path: Path) -> socket.socket:
    """A connection to the socket at `path`. OSError when nobody listens there."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        _reached(path, made.connect)
    except BaseException:
        made.close()
        raise
    made.setblocking(False)
    return made


def _reached(path: Path, act: Callable[[str], object]) -> None:
    """Bind or connect; a path that is too long for a socket is gone the way of its folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST:
        act(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        act(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def check_peer(connection: socket.socket) -> None:
    """Forbidden unless the other side is a process of the same user: the mode of the file is not the only guard."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    if user not in (0, os.geteuid()):
        raise Forbidden(f"User {user} may not hand commits to this hub.")

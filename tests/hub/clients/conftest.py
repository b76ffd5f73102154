"""What the tests of independent clients share: one dothi, served as its users serve it."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a dothi that is served as its users serve it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("served") / "data"
    command = [sys.executable, "-m", "dothi.cli", "serve", "--open", "--data", str(folder), "--port", str(number)]
    with (folder.parent / "log").open("w") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert child.stdout is not None
        try:
            while not re.search("serves", line := child.stdout.readline()):
                assert line, (folder.parent / "log").read_text()
            yield number
        finally:
            child.terminate()
            child.wait(20)
            child.stdout.close()
    said = (folder.parent / "log").read_text()
    assert "Traceback" not in said, said

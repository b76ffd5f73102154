"""A copy of the suite in which every @context has a loopback address, so that a run needs no network."""

import re
import shutil
from pathlib import Path

CONTEXT_PORT = 8790
CONTEXTS = "resources/jsonld-contexts"
# Hosts on which the suite's tests find contexts; uri.etsi.org stays, because every broker knows the core context.
_HOSTS = "forge.etsi.org|raw.githubusercontent.com|easy-global-market.github.io|smartdatamodels.org|fiware.github.io"
_ADDRESS = re.compile(rf"https?://({_HOSTS})/([^\s\"'<>,;]*\.jsonld)")
_WRITTEN = {".robot", ".resource", ".py", ".json", ".jsonld", ".geojson"}
_LEFT_OUT = shutil.ignore_patterns(".git", "doc", "plug-test", "itb", "tsm", "results", "__pycache__", "*.pyc")
_COMPOUND = "ngsi-ld-test-suite-compound.jsonld"


def copy_suite(suite: Path, target: Path) -> None:
    """Copy the suite to `target`, which must not exist yet, with the contexts' addresses rewritten."""
    shutil.copytree(suite, target, ignore=_LEFT_OUT)
    for path in target.rglob("*"):
        if path.suffix in _WRITTEN and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            changed = _ADDRESS.sub(_local, text)
            if changed != text:
                path.write_text(changed, encoding="utf-8", errors="surrogateescape")


def _local(found: re.Match[str]) -> str:
    return f"http://127.0.0.1:{CONTEXT_PORT}/{found[1]}/{found[2]}"


def context_document(folder: Path, path: str) -> bytes | None:
    """The context that the local server gives for a rewritten address, None when there is none.

    The suite carries its own contexts; contexts of others, which it does not carry, are answered by its compound
    context when they are called a compound, else by its plain one: tests look at where they come from, not at terms.
    """
    name = path.split("?")[0].rsplit("/", 1)[-1]
    if not name.endswith(".jsonld") or not re.match(rf"/({_HOSTS})/", path):
        return None
    if not (folder / name).is_file():
        name = _COMPOUND if "compound" in name else _COMPOUND.replace("-compound", "")
    return (folder / name).read_bytes()

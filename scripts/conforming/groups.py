"""The groups of the suite: which of its folders are run together over one fresh store."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

_TP = "TP/NGSI-LD/"
_PROVISION = _TP + "ContextInformation/Provision/"
_CONSUMPTION = _TP + "ContextInformation/Consumption/"

# The first folder that holds a file decides, so the parts of a folder stand before the folder itself.
FOLDERS: dict[str, tuple[str, ...]] = {
    "common": (_TP + "CommonBehaviours/",),
    "temporal": (
        _PROVISION + "TemporalEntity/",
        _PROVISION + "TemporalEntityAttributes/",
        _CONSUMPTION + "TemporalEntity/",
    ),
    "provision": (_PROVISION,),
    "consumption": (_CONSUMPTION,),
    "subscription": (_TP + "ContextInformation/Subscription/",),
    "entitymap": (_TP + "ContextInformation/EntityMap/",),
    "snapshot": (_TP + "ContextInformation/Snapshot/",),
    "registration": (_TP + "ContextSource/Registration/",),
    "discovery": (_TP + "ContextSource/Discovery/",),
    "registrationsubscription": (_TP + "ContextSource/RegistrationSubscription/",),
    "distributed": (_TP + "DistributedOperations/",),
    "jsonldcontext": (_TP + "jsonldContext/",),
    "iop": ("IOP_TP/",),
    "other": ("TP/",),
}
NEEDS_FIVE = "iop"  # The group whose tests talk to five brokers.


def files_of(suite: Path) -> dict[str, list[str]]:
    """Each group's test files, by path from the suite's root. Groups without files are left out."""
    found: dict[str, list[str]] = {name: [] for name in FOLDERS}
    for top in ("TP", "IOP_TP"):
        for path in sorted((suite / top).rglob("*.robot")):
            if path.name != "__init__.robot":
                text = path.relative_to(suite).as_posix()
                found[_group(text)].append(text)
    return {name: files for name, files in found.items() if files}


def _group(path: str) -> str:
    return next(name for name, folders in FOLDERS.items() if path.startswith(folders))


def chosen(suite: Path, words: Sequence[str], file_glob: str) -> dict[str, list[str]]:
    """The files of the groups (or files, or folders) that `words` name; all but iop when it names none.

    ValueError names a word that is none of these.
    """
    every = files_of(suite)
    if not every:
        raise ValueError(f"{suite} holds no .robot file below TP/: it is no checkout of the suite")
    wanted = {name: files for name, files in every.items() if name != NEEDS_FIVE} if not words else {}
    for word in words:
        for name, files in _named(every, word).items():
            wanted[name] = sorted({*wanted.get(name, ()), *files})
    if file_glob:
        wanted = {name: [one for one in files if fnmatch(Path(one).stem, file_glob)] for name, files in wanted.items()}
    return {name: wanted[name] for name in FOLDERS if wanted.get(name)}


def _named(every: dict[str, list[str]], word: str) -> dict[str, list[str]]:
    """What one word of the command line names: a group, or a file or folder of the suite (its path or a part of it)."""
    if word in every:
        return {word: every[word]}
    if word in FOLDERS:
        return {}  # A group that this checkout does not have.
    found = {name: [one for one in files if word.strip("/") in one] for name, files in every.items()}
    if not any(found.values()):
        raise ValueError(f"{word} is no group ({', '.join(every)}) and no file or folder of the suite")
    return {name: files for name, files in found.items() if files}

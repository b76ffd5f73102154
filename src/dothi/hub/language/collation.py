"""How texts are sorted for people (clause 4.23.1): by ICU, the root collation or one of IETF RFC 6067."""

import ctypes
import ctypes.util
import re
import unicodedata
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from dothi.ground.errors import Invalid, Unsupported

Key = Callable[[str], bytes]
ROOT = "und"
TAG_MAX = 100
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_ROOTS = frozenset({ROOT, "und-x-icu", "root"})
_PLACE = 1024  # Bytes for a sort key; longer ones are asked for again.


@lru_cache(maxsize=64)
def collation(language: str | None = None) -> Key:
    """The sort key of texts in a collation such as vi, de-u-co-phonebk or und-u-ks-level1; None is the root's.

    Invalid when it is no collation. Without ICU on this machine the root is approximated (letters, then marks, then
    small before capital), and any other is Unsupported.
    """
    tag = language or ROOT
    if len(tag) > TAG_MAX or _TAG.fullmatch(tag) is None:
        raise Invalid(f"collation is {tag[:60]!r}; it must be a language tag such as vi or de-u-co-phonebk (RFC 6067).")
    icu = _icu()
    if icu is not None:
        return icu.key(ROOT if tag in _ROOTS else tag)
    if tag not in _ROOTS:
        raise Unsupported(f"collation={tag} needs the library ICU (libicu), which this machine lacks; leave it out.")
    return approximate


def approximate(text: str) -> bytes:
    """A sort key close to the root collation's: signs, digits, letters; marks and capitals decide among equals."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d\u0335").replace("Đ", "D\u0335"))
    letters = [char for char in plain if not unicodedata.combining(char)]
    marks = "".join(char if unicodedata.combining(char) else "\x01" for char in plain)
    first = "".join(_rank(char) + char.casefold() for char in letters)
    cases = "".join("2" if char.isupper() else "1" for char in letters)
    return "\x00".join((first, marks, cases, text)).encode("utf-8", "surrogatepass")


def _rank(char: str) -> str:
    return {"L": "3", "N": "2"}.get(unicodedata.category(char)[0], "1")


class _Icu:
    """The few functions of ICU4C that make sort keys; the names of its symbols end in its version."""

    def __init__(self, library: ctypes.CDLL, suffix: str) -> None:
        self._open: Any = getattr(library, "ucol_open" + suffix)
        self._open.restype = ctypes.c_void_p
        self._open.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
        self._sort_key: Any = getattr(library, "ucol_getSortKey" + suffix)
        self._sort_key.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32,
        )  # fmt: skip
        self._close: Any = getattr(library, "ucol_close" + suffix)
        self._close.argtypes = (ctypes.c_void_p,)
        self._locale: Any = getattr(library, "uloc_forLanguageTag" + suffix)

    def key(self, tag: str) -> Key:
        """The sort key of a collation. Invalid when ICU knows none of that name."""
        locale, parsed, error = ctypes.create_string_buffer(256), ctypes.c_int32(), ctypes.c_int32()
        self._locale(tag.encode(), locale, 256, ctypes.byref(parsed), ctypes.byref(error))
        collator = self._open(locale.value, ctypes.byref(error)) if error.value <= 0 else None
        if collator is None or error.value > 0 or parsed.value < len(tag):
            raise Invalid(f"collation is {tag[:60]!r}, which ICU does not know as one (RFC 6067).")

        def key(text: str) -> bytes:
            wide = text.encode("utf-16-le", "surrogatepass")
            made = self._made(collator, wide, _PLACE)
            return made if len(made) < _PLACE else self._made(collator, wide, len(wide) * 32 + _PLACE)

        weakref.finalize(key, self._close, collator)  # No flood of tags fills the memory with collators.
        return key

    def _made(self, collator: int, wide: bytes, room: int) -> bytes:
        place = ctypes.create_string_buffer(room)
        length = self._sort_key(collator, wide, len(wide) // 2, place, room)
        return place.raw[: min(length, room)]


@lru_cache(maxsize=1)
def _icu() -> _Icu | None:
    """The ICU of this machine, None when there is none."""
    name = ctypes.util.find_library("icui18n") or ctypes.util.find_library("icucore")
    if name is None:
        return None
    version = re.search(r"\.so\.(\d+)|icui18n\.(\d+)\.", name)
    suffix = "_" + next(part for part in version.groups() if part) if version else ""
    try:
        return _Icu(ctypes.CDLL(name), suffix)
    except (OSError, AttributeError):
        return None

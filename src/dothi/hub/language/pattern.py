"""Regular expressions of strangers (~=, !~=, idPattern): matched in linear time, so that none can hang the hub."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from dothi.ground.errors import Invalid

PATTERN_MAX = 512
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20  # Bytes of one compiled pattern; a{1000}{1000} does not fit and is refused.

Finder = Callable[[str], bool]


@lru_cache(maxsize=256)
def finder(pattern: str) -> Finder:
    """The test whether `pattern` occurs in a text; ^ and $ bind it to the ends. Invalid when it is no pattern.

    The syntax is RE2's: POSIX extended expressions (IEEE 1003.2) with the usual additions, without back-references
    and look-around, which cannot be matched in linear time.
    """
    if len(pattern) > PATTERN_MAX:
        raise Invalid(f"The pattern has {len(pattern)} characters; at most {PATTERN_MAX} are allowed.")
    try:
        compiled: Any = re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeError) as cause:
        raise Invalid(f"“{pattern[:80]!r}” is not a regular expression: {_reason(cause)}.") from cause

    def found(text: str) -> bool:
        try:
            return compiled.search(text) is not None
        except UnicodeError:  # A lone surrogate is no text, so no pattern describes it.
            return False

    return found


def _reason(cause: Exception) -> str:
    reason = cause.args[0] if cause.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)

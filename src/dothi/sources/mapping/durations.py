"""Durations as ISO 8601 writes them (PT5M, P1D, P2W), in seconds."""

import re

_DURATION = re.compile(
    r"P(?:(?P<w>\d+(?:\.\d+)?)W)?(?:(?P<d>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<h>\d+(?:\.\d+)?)H)?(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}


def seconds_of(text: str | float) -> float:
    """The seconds of an ISO 8601 duration or a plain number of seconds; ValueError when it is neither, or not above 0.

    Months and years are refused: they have no fixed length.
    """
    if isinstance(text, int | float) or re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    else:
        found = _DURATION.fullmatch(text)
        if found is None or text.endswith(("P", "T")):
            raise ValueError(f"{text!r} is not a duration such as PT5M (5 minutes), PT1H or P1D")
        seconds = sum(_SECONDS[key] * float(value) for key, value in found.groupdict().items() if value)
    if not 0 < seconds <= 3_660 * 86_400:
        raise ValueError(f"{text!r} must be longer than nothing and at most ten years")
    return seconds

"""The words of a report: changes drafted from the figures, and what a person typed tied to the figures again.

A text holds figures as {id} or {id.facet}; only here they become words. Facets: value (none), number, before, change,
of (part/whole), before_of,
before_number, target. No figure is kept as text, so that none can differ from its evidence.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from string import Formatter
from typing import NamedTuple

from dothi.evidence.report.model import Data, Section, Template, Told, TypedFigure
from dothi.evidence.report.periods import told_period, told_previous
from dothi.evidence.report.templates import condition, form
from dothi.ground.canonical import sha256
from dothi.ground.text import format_number

WORDS_MAX = 4000  # Letters of one paragraph.
_NUMBER = re.compile(r"(?<![\w.,])\d[\d.]*(?:,\d+)?")
_SAMPLE = " (mẫu)"


class Piece(NamedTuple):
    """A run of words, or a figure with what stands behind it (an entity id, list:<id> or figure:<id>)."""

    text: str
    behind: str = ""


def pieces(text: str, data: Data) -> Iterator[Piece]:
    """A text with its figures in their places. A figure that is gone from the data says that there is none."""
    for said, name, _, _ in Formatter().parse(text):
        if said:
            yield Piece(said)
        if name:
            yield _facet(name, data)


def plain(text: str, data: Data) -> str:
    """The same as people read it."""
    return "".join(piece.text for piece in pieces(text, data))


def _facet(name: str, data: Data) -> Piece:
    bare, _, facet = name.partition(".")
    told = data.figures.get(bare)
    if told is None:
        return Piece(form()["missing"])
    before = told.before
    missing = Piece(form()["missing"], told.evidence)
    if facet.startswith("before"):
        if before is None:
            return missing
        bare_number = format_number(before.value, told.decimals)
        text = {"before_of": before.of, "before_number": bare_number}.get(facet, before.shown)
        return Piece(text, before.evidence)
    if facet == "change":
        change = _change(told)
        return Piece(change, f"figure:{bare}") if change else missing
    if facet == "number":
        return missing if told.value is None else Piece(format_number(told.value, told.decimals), told.evidence)
    if facet == "of":
        return Piece(told.of, told.evidence) if told.of else missing
    if facet == "target":
        return (
            missing
            if told.target is None
            else Piece(f"{format_number(told.target)} {told.symbol}".strip(), told.indicator)
        )
    return Piece(told.shown, told.evidence)


def target(told: Told) -> str:
    """The target of a figure with its unit, a dash where it has none."""
    return "–" if told.target is None else f"{format_number(told.target)} {told.symbol}".strip()


def _change(told: Told) -> str:
    """By how much a figure moved: in percent, of a share in percentage points; empty where that cannot be said."""
    if told.value is None or told.before is None:
        return ""
    moved = abs(told.value - told.before.value)
    if told.percent:
        return f"{format_number(moved, max(told.decimals, 1))} {form()['change']['points']}"
    if abs(told.before.value) < form()["change"]["percent_from"]:
        return ""
    return f"{format_number(round(100 * moved / abs(told.before.value)))} %"


def holds(when: str, data: Data) -> bool:
    """Whether a condition on a figure holds; of a missing figure only “missing” does."""
    if not when:
        return True
    name, operator, operand = condition(when)
    told = data.figures.get(name)
    value = told.value if told else None
    if operator in ("known", "missing"):
        return (value is None) == (operator == "missing")
    if told is None or value is None:
        return False
    if operator in ("rises", "falls"):
        return told.before is not None and _way(told) == {"rises": 1, "falls": -1}[operator]
    other = told.target if operand == "target" else float(operand)
    return other is not None and _COMPARE[operator](value, other)


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "==": lambda value, other: value == other,
    ">": lambda value, other: value > other,
    ">=": lambda value, other: value >= other,
    "<": lambda value, other: value < other,
    "<=": lambda value, other: value <= other,
}


def _way(told: Told) -> int:
    """1 where a figure rose as people read it, -1 where it fell, 0 where it reads the same."""
    if told.value is None or told.before is None:
        return 0
    now, then = round(told.value, told.decimals), round(told.before.value, told.decimals)
    return (now > then) - (now < then)


def judged(told: Told) -> str:
    """good, bad, or empty where nobody judges a change of this figure or there is none."""
    way = _way(told)
    if not told.judge or way == 0:
        return ""
    return "good" if (way > 0) == (told.direction == "higher") else "bad"


def sentences(section: Section, data: Data) -> list[str]:
    """The sentences of a section that hold, as texts with figures in braces."""
    return [one.text for one in section.sentences if holds(one.when, data)]


def drafted(section: Section, data: Data) -> str:
    """What changed, put into words: a text with figures in braces; empty where there is nothing to say.

    A figure that is missing, as a sentence of the section says already, is not told again.
    """
    said = {_bare(name) for text in sentences(section, data) for _, name, _, _ in Formatter().parse(text) if name}
    told = [data.figures[name] for name in section.changes if name in data.figures]
    return " ".join(_change_words(one, data.kind) for one in told if one.value is not None or one.id not in said)


def _bare(name: str) -> str:
    return name.partition(".")[0]


def _change_words(told: Told, kind: str) -> str:
    said = form()["change"]
    way = _way(told)
    case = {1: "up", -1: "down", 0: "same"}[way]
    if told.value is None:
        case = "missing"
    elif told.before is None:
        case = "alone"
    elif way and not _change(told):
        case += "_few"
    value, before = f"{{{told.id}}}", f"{{{told.id}.before}}"
    if told.of:
        value += f" ({{{told.id}.of}})"
    if told.before is not None and told.before.of:
        before += f" ({{{told.id}.before_of}})"
    verdict = judged(told)
    text: str = said[case].format(
        name=told.name.removesuffix(_SAMPLE),
        change=f"{{{told.id}.change}}",
        previous=told_previous(kind),
        before=before,
        value=value,
        verdict=said[verdict] if verdict else "",
    )
    return text


def basis(text: str, data: Data) -> str:
    """What the figures in a text say now, as a hash: a person who read it has read this."""
    return sha256([[name, _facet(name, data).text] for _, name, _, _ in Formatter().parse(text) if name])


def bind(typed: str, data: Data, first: tuple[str, ...] = ()) -> str:
    """What a person typed as a text with figures in braces.

    A number that is a figure of this report is tied to it (those of `first`, the section's own, before others); one
    that names a document, a place of law, a day or a thing stays. TypedFigure names every other number.
    """
    text = " ".join(typed.replace("\r", "").split())
    if len(text) > WORDS_MAX:
        raise TypedFigure(f"A paragraph has at most {WORDS_MAX} letters.", field="text", wrong=[])
    known = _known(data, first)
    waiting = list(first)
    out, wrong, place = [], [], 0
    pattern = _all_of(tuple(sorted(known, key=len, reverse=True)))
    for found in pattern.finditer(text):
        out.append(_braced(text[place : found.start()]))
        place = found.end()
        if found.lastgroup == "allowed":
            out.append(found[0])
        elif found.lastgroup == "figure":
            out.append(f"{{{_tied(known[found[0]], waiting)}}}")
        else:
            wrong.append(found[0])
    out.append(_braced(text[place:]))
    if wrong:
        listed = ", ".join(dict.fromkeys(wrong))
        raise TypedFigure(f"No figure of this report is {listed}.", field="text", wrong=list(dict.fromkeys(wrong)))
    return "".join(out)


def _braced(text: str) -> str:
    """Words with braces of their own, which are none of ours."""
    return text.replace("{", "(").replace("}", ")")


@cache
def _allowed() -> str:
    return "|".join(f"(?:{one})" for one in form()["typed"]["allowed"])


def _all_of(known: tuple[str, ...]) -> re.Pattern[str]:
    """Figures as they are shown first, then what may be typed, then any other number."""
    figures = "|".join(re.escape(one) for one in known) or r"(?!)"
    edge = r"(?<![\w.,/])"
    whole = rf"(?P<allowed>{edge}(?:{_allowed()})(?![\w/]))"
    return re.compile(rf"(?P<figure>{edge}(?:{figures})(?![\w/])(?!,\d|\.\d))|{whole}|(?P<other>{_NUMBER.pattern})")


def _known(data: Data, first: tuple[str, ...]) -> dict[str, list[str]]:
    """Every text by which a figure can be typed, with the figures that it may be, the section's own first."""
    found: dict[str, list[str]] = {}
    for name in (*first, *(one for one in data.figures if one not in first)):
        for facet in ("", ".before", ".change", ".of", ".before_of", ".number", ".before_number", ".target"):
            text = _facet(f"{name}{facet}", data).text
            if text != form()["missing"] and any(char.isdigit() for char in text):
                found.setdefault(text, []).append(name + facet)
    return found


def _tied(candidates: list[str], waiting: list[str]) -> str:
    """Of several figures that read the same, the first one of the section not yet passed by."""
    for place, name in enumerate(waiting):
        for one in candidates:
            if one.partition(".")[0] == name:
                del waiting[:place]
                return one
    return candidates[0]


def titles(template: Template, data: Data) -> tuple[str, str]:
    """(subject, name) of a report: the line under its kind, and what lists call it."""
    period = told_period(data.kind, data.period, data.start, data.end)
    subject = template.subject.format(period=period, scheme=data.scheme_name)
    name = form()["names"][data.kind].format(period=period, unit=data.name, scheme=data.scheme_name)
    return subject, name

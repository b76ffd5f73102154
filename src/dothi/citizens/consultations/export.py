"""All comments of a consultation as open data, CSV and JSON: every word that is public, nobody's identity."""

import csv
import io
from typing import Any

from dothi.citizens.consultations.model import Comment, Consultation, Level, State, as_round
from dothi.citizens.consultations.reading import supports_by_comment
from dothi.citizens.consultations.text import address_of
from dothi.citizens.consultations.workflow import clusters_of, comments_of
from dothi.citizens.needs import Citizens
from dothi.ground.clock import VIETNAM, from_iso, to_datetime

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # What a spreadsheet would run instead of show.
COLUMNS = (
    *("number", "round", "article", "place", "words", "hidden", "hiddenFor", "stance", "channel", "level", "voices"),
    *("day", "sameAs", "supportsAnonymous", "supportsContact", "supportsAccount", "group", "decision", "reason"),
    "wording",
)


def rows(citizens: Citizens, found: Consultation) -> list[dict[str, Any]]:
    """A row a comment, all rounds; hidden ones as stubs, answers of published rounds only. A day tells no hour."""
    supports = supports_by_comment(citizens, found)
    listed: list[dict[str, Any]] = []
    for number in range(1, found.round + 1):
        past = as_round(found, number)
        published = number < found.round or found.state is State.PUBLISHED
        groups = {one.id: one for one in clusters_of(citizens, past, number)} if published else {}
        for one in comments_of(citizens, found, number):
            group = groups.get(one.cluster or "")
            counted = supports[one.number]
            listed.append(
                _row(one, address_of(past.articles, one.article))
                | {f"supports{level.capitalize()}": counted.get(level, 0) for level in Level if level != "witnessed"}
                | {
                    "group": group.title if group else "",
                    "decision": group.decision.value if group and group.decision else "",
                    "reason": group.reason if group else "",
                    "wording": group.wording if group else "",
                }
            )
    return listed


def _row(one: Comment, place: str) -> dict[str, Any]:
    return {
        "number": one.number,
        "round": one.round,
        "article": one.article,
        "place": place,
        "words": "" if one.hidden else one.words,
        "hidden": one.hidden,
        "hiddenFor": one.hidden_for if one.hidden else "",
        "stance": one.stance.value,
        "channel": one.channel.value,
        "level": one.level.value,
        "voices": one.count,
        "day": f"{to_datetime(from_iso(one.filed_at)).astimezone(VIETNAM):%Y-%m-%d}",
        "sameAs": one.same_as or "",
    }


def as_csv(listed: list[dict[str, Any]]) -> bytes:
    """The rows as CSV in UTF-8 with a mark, as spreadsheets in Vietnam open it; nothing in it is a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for row in listed:
        writer.writerow({name: _plain(row[name]) for name in COLUMNS})
    return out.getvalue().encode("utf-8-sig")


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

"""Who must say who they are is data; state secrets are refused with nothing kept; personal data are hinted at."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.accounts.events import Kind, read_events
from dothi.accounts.model import Identity
from dothi.citizens import Filing, file_report
from dothi.citizens.intake.hints import NeedsAccount, NeedsContact, check_identity, identity_needed
from dothi.citizens.rules import load, parse, shipped
from dothi.citizens.rules.intake.secrets import StateSecret
from dothi.ground.errors import Invalid

RULES = load()
THUAN_HOA = "19789"
ACCOUNT = {"id": "noise", "category": "noise", "need": "account", "vi": "Vì mẫu.", "en": "Sample."}
STRICT = parse({**shipped(), "identity": {"identity": [*shipped()["identity"]["identity"], ACCOUNT]}})
PHONE = Identity(phone="0905123456")


@pytest.mark.parametrize(
    ("category", "who", "assisted", "refused"),
    [
        ("road", None, False, None),
        ("power", None, False, NeedsContact),
        ("power", Identity(name="Lan"), False, NeedsContact),  # A name calls nobody back.
        ("power", PHONE, False, None),
        ("noise", PHONE, False, NeedsAccount),
        ("noise", Identity(account="u1"), False, None),
        ("noise", PHONE, True, None),  # At the counter the person was met.
        ("noise", None, True, NeedsContact),
    ],
)
def test_the_need_of_a_category_is_a_row(
    category: str, who: Identity | None, assisted: bool, refused: type[Invalid] | None
) -> None:
    """Anonymous, contact or account, by category; the counter stands in for an account."""
    if refused is None:
        check_identity(STRICT, category, who, assisted=assisted)
    else:
        with pytest.raises(refused):
            check_identity(STRICT, category, who, assisted=assisted)
    assert identity_needed(STRICT, category).reason["vi"]


def test_a_table_without_a_row_for_every_category_is_refused() -> None:
    """Nobody may be left without a rule, and a need that is none is named."""
    for rows in ([ACCOUNT], [ACCOUNT | {"category": "*", "need": "passport"}]):
        with pytest.raises(Invalid):
            parse({**shipped(), "identity": {"identity": rows}})


def test_filing_obeys_the_policy_through_every_way_in(in_city: Any) -> None:
    """The verb itself asks: no channel gets round it."""

    async def story(city: Any) -> None:
        outage = Filing("power", "Mất điện cả xóm.", unit=THUAN_HOA, channel="open311")
        with pytest.raises(NeedsContact):
            await file_report(city.citizens, outage)
        assert (await file_report(city.citizens, replace(outage, identity=PHONE))).number

    in_city(story)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Văn bản MẬT bị vứt ở bãi rác", "mark"),
        ("tài liệu tuyệt mật", "mark"),
        ("tai lieu tuyet mat", "mark"),  # Typed without marks.
        ("tài liệu mất rồi", ""),  # Mất (lost) is not mật (secret).
        ("Đây là bí mật nhà nước", "named"),
        ("bí mật của tôi", ""),
        ("Đèn tắt", ""),
    ],
)
def test_signs_of_state_secrets(text: str, sign: str) -> None:
    """Words with their marks where the text has any; composed and decomposed alike."""
    assert RULES.intake.secrets.sign_in(text) == sign


def test_a_state_secret_is_refused_and_only_the_fact_is_kept(in_city: Any) -> None:
    """Nothing in the hub, no file, one line in the register without a word of it."""

    async def story(city: Any) -> None:
        before = city.hub.last_seq()
        with pytest.raises(StateSecret):
            await file_report(city.citizens, Filing("waste", "Công văn mật số 17 bị vứt", unit=THUAN_HOA))
        with pytest.raises(StateSecret):
            await file_report(city.citizens, Filing("waste", "Rác", unit=THUAN_HOA, place_words="cạnh tài liệu mật 17"))
        assert city.hub.last_seq() == before
        lines = [one for one in read_events(city.accounts.database) if one.kind == Kind.SECRET_REFUSED]
        assert [(one.actor, one.subject, one.reason) for one in lines] == [
            ("system:citizens", "waste", "sign: mark")
        ] * 2
        assert not any("17" in repr(one) for one in ((one.subject, one.reason) for one in lines))

    in_city(story)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("xe 75B1-123.45 vượt đèn đỏ", ["plate"]),
        ("STK: 0123456789", ["account"]),
        ("Tôi tên là Lan", ["name"]),
        ("Ổ gà 30 cm trước số 12", []),
    ],
)
def test_personal_data_are_a_hint(text: str, kinds: list[str]) -> None:
    """Patterns are data; the person decides."""
    assert [one.id for one in RULES.intake.secrets.personal_in(text)] == kinds


def test_a_pattern_that_is_none_is_refused() -> None:
    """By its id, before it holds."""
    table = dict(shipped()["secrets"])
    table["personal"] = [{"id": "broken", "pattern": "(", "vi": "a", "en": "a"}]
    with pytest.raises(Invalid, match="broken"):
        parse({**shipped(), "secrets": table})

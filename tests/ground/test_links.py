"""Signed links: whole, tampered with, expired, and for another purpose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.clock import DAY, SECOND
from dothi.ground.links import TAG, BadLink, ExpiredLink, sign, subject_of

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = 1_795_000_000 * SECOND


@given(st.text(max_size=60), st.integers(0, 400))
def test_a_link_says_its_subject_until_it_expires(subject: str, days: int) -> None:
    """What was signed comes back until its last second, and is too old afterwards."""
    expires = NOW + days * DAY
    token = sign(KEY, "question", subject, expires)
    assert subject_of(KEY, token, "question", expires) == subject
    with pytest.raises(ExpiredLink) as caught:
        subject_of(KEY, token, "question", expires + SECOND + 1)
    assert caught.value.fields["expired"] == expires


@given(st.data())
def test_no_letter_of_a_link_can_be_changed(data: st.DataObject) -> None:
    """Another letter anywhere, a letter more or less: it is no link of ours, and is not told to be an old one."""
    token = sign(KEY, "outside", "ABC123", NOW - DAY)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_=+/ ạ\n"))
    changed = token[:place] + letter + token[place + 1 :]
    for wrong in (changed, token[:-1], token + "A", token[1:], token + "="):
        if wrong != token:
            with pytest.raises(BadLink):
                subject_of(KEY, wrong, "outside", NOW)


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "A" * 401, "không phải liên kết của thành phố này đâu"])
def test_what_is_no_link_is_told_so(token: str) -> None:
    """Anything else than a token is a bad link, never a fault."""
    with pytest.raises(BadLink):
        subject_of(KEY, token, "question", NOW)


def test_another_key_or_purpose_opens_nothing() -> None:
    """A link to answer a question does not open an outside body's form, nor another server's."""
    token = sign(KEY, "question", "ABC123", NOW + DAY)
    with pytest.raises(BadLink):
        subject_of(KEY, token, "outside", NOW)
    with pytest.raises(BadLink):
        subject_of(OTHER, token, "question", NOW)
    with pytest.raises(ValueError, match="32 bytes"):
        sign(b"short", "question", "ABC123", NOW)
    assert len(token) < 4 * TAG + 30

"""Consultations over HTTP: the whole way by JSON, bad input as problems, open data without identity; pure parts."""

import io
import zipfile
from typing import Any

import pytest
from docx import Document

from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import sign_in
from dothi.citizens.consultations import preparing, telling
from dothi.citizens.consultations.model import BadDraft
from dothi.citizens.consultations.text import compare, parse, read_file, written
from dothi.citizens.consultations.workflow import MOVES
from dothi.ground.clock import DAY, iso, now_us
from dothi.ground.errors import TooLarge
from tests.citizens.test_citizens_api import client_of

COMMUNE = "19789"
NEW = {"title": "Giờ bật đèn ngõ (mẫu)", "question": "Giờ bật đèn đã hợp lý chưa?", "unit": COMMUNE}
LAW = """Điều 1. Phạm vi
1. Đèn ngõ.
2. Trừ:
a) Công viên;
b) Chợ;
c) Bến;
d) Trường;
đ) Đình;
e) Chùa.
Điều 2. Giờ
Từ 18 giờ.
"""
REASON = "Bổ sung giờ mùa đông theo số liệu mặt trời lặn ba năm của trạm khí tượng."


def docx_of(text: str) -> bytes:
    doc = Document()
    for line in text.splitlines():
        doc.add_paragraph(line)
    out = io.BytesIO()
    doc.save(out)
    return out.getvalue()


async def signed_in(city: Any) -> dict[str, str]:
    official = next(one for one in await make_sample_users(city.accounts, "46", COMMUNE) if one.role == "official")
    session = await sign_in(city.accounts, official.login, official.password, "test")
    return {"cookie": f"dothi_session={session.token}", "x-csrf-token": session.csrf}


def test_the_whole_way_over_http(in_city: Any) -> None:
    """Prepared with a .docx, opened, commented, refused while unanswered (409 with the list), published, followed."""

    async def story(city: Any) -> None:
        signed = await signed_in(city)
        async with client_of(city) as client:
            made = (await client.post("/consultations", json=NEW, headers=signed)).json()
            here = f"/consultations/{made['key']}"
            assert (await client.get(here)).status_code == 404
            files = {"file": ("du-thao.docx", docx_of(LAW))}
            text = await client.put(f"{here}/text", data={}, files=files, headers=signed)
            assert [one["ref"] for one in text.json()["articles"]][-2:] == ["dieu-1.khoan-2.diem-e", "dieu-2"]
            assert text.json()["doubts"] == []
            start, end = now_us(), now_us() + 9 * DAY
            period = {"opensAt": iso(start), "closesAt": iso(end)}
            opened = await client.post(f"{here}/announce", json=period, headers=signed)
            assert opened.json()["state"] == "open"
            said = {"words": "Bật từ 17 giờ vì trời tối.", "article": "dieu-2", "phone": "0912345678"}
            key = {"idempotency-key": "k" * 20}
            sent = (await client.post(f"{here}/comments", json=said, headers=key)).json()
            assert (await client.post(f"{here}/comments", json=said, headers=key)).json() == sent
            support = f"{here}/comments/{sent['number']}/support"
            assert (await client.post(support, json={})).json() == {"level": "anonymous"}
            assert (await client.post(support, json={})).status_code == 409
            for bad, status in (({"words": "x" * 10_000}, 400), ({"words": ""}, 400), ({"words": "x" * 30_000}, 422)):
                assert (await client.post(f"{here}/comments", json=bad)).status_code == status

            await preparing.tick(city.citizens, end + 1)
            assert (await client.post(f"{here}/comments", json=said)).status_code == 409
            refused = await client.post(f"{here}/finish", headers=signed)
            assert (refused.status_code, refused.json()["comments"]) == (409, [sent["number"]])
            assert (await client.get(f"{here}/table")).status_code == 404
            found = (await client.get(f"{here}/suggestions", headers=signed)).json()[0]["comments"]
            group = await client.post(f"{here}/clusters", json={"comments": found}, headers=signed)
            answer = {"clusters": [group.json()["key"]], "decision": "accepted", "reason": REASON}
            lacking = await client.post(f"{here}/answers", json=answer, headers=signed)
            assert lacking.json()["field"] == "wording"
            assert (await client.post(f"{here}/answers", json=answer | {"wording": "Từ 17 giờ."})).status_code == 404
            await client.post(f"{here}/answers", json=answer | {"wording": "Từ 17 giờ."}, headers=signed)
            assert (await client.post(f"{here}/finish", headers=signed)).json()["state"] == "answered"
            assert (await client.post(f"{here}/publish", headers=signed)).json()["state"] == "published"

            table = (await client.get(f"{here}/table")).json()
            assert table["rows"][0]["wording"] == "Từ 17 giờ."
            assert table["tookPart"]["byLevel"]["contact"] == {"comments": 1, "voices": 1, "people": 1}
            assert (await client.get(f"{here}/table.docx")).content.startswith(b"PK")
            mine = (await client.get(f"/consultations/comments/{sent['followCode']}")).json()
            assert mine["answer"]["decision"] == "accepted"
            for path in ("comments", "comments.csv"):
                seen = (await client.get(f"{here}/{path}")).text
                assert "17 giờ" in seen
                assert "0912" not in seen
                assert "Person" not in seen

            await preparing.tick(city.citizens)
            drafts = [one for logged in city.hub.log() for one in telling.news(city.citizens, logged)]
            assert [draft.template for draft in drafts] == ["consultation.answered"]
            assert drafts[0].to.startswith("urn:ngsi-ld:Person:")

    in_city(story)


def test_points_come_in_vietnamese_order_and_what_is_doubtful_is_told() -> None:
    """A b c d đ e follow each other; gaps, wrong orders and repeated articles are told; the text is written back."""
    draft = parse(LAW)
    assert draft.doubts == ()
    assert parse(written(draft.articles)).articles == draft.articles
    wrong = parse("Điều 1. A\nb) hai\na) một\nĐiều 1. B\n> 2. không phải khoản\nMục tiêu chung")
    assert [doubt.kind for doubt in wrong.doubts] == ["repeated", "gap", "order"]
    assert wrong.articles[-1].text == "B\n2. không phải khoản\nMục tiêu chung"
    assert parse(written(wrong.articles)).articles == wrong.articles
    assert [one.label for one in parse("Ngõ nào tối?\n\nCần gì?").articles] == ["Nội dung 1", "Nội dung 2"]


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", docx_of("x")[:300], b"\xff\xfe\x00d", b""])
def test_a_file_that_is_no_draft_is_refused(content: bytes) -> None:
    """Broken archives, other encodings and nothing are refused with what to do."""
    with pytest.raises(BadDraft):
        parse(read_file("du-thao.docx", content))


def test_a_file_that_unfolds_too_far_is_refused() -> None:
    """A small archive that would fill the memory is not opened."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * 70_000_000)
    with pytest.raises(TooLarge):
        read_file("bom.docx", out.getvalue())


def test_two_rounds_are_compared_article_by_article() -> None:
    """What is new, gone or changed is told word by word; what is the same is said to be."""
    later = LAW.replace("18 giờ", "17 giờ 45").replace("b) Chợ;\n", "") + "Điều 3. Mới\n"
    kinds = {one.label: one.kind for one in compare(parse(LAW).articles, parse(later).articles)}
    assert kinds["Điều 2"] == "changed"
    assert kinds["Điều 3"] == "new"
    assert kinds["điểm b khoản 2 Điều 1"] == "gone"
    assert kinds["khoản 1 Điều 1"] == "same"
    changed = next(one for one in compare(parse(LAW).articles, parse(later).articles) if one.label == "Điều 2")
    assert ("out", "18 giờ.") in changed.pieces


def test_each_state_and_verb_has_one_row() -> None:
    """The table of the life of a consultation is unambiguous."""
    rows = [(move.state, move.verb) for move in MOVES]
    assert len(rows) == len(set(rows))


def test_numbers_that_a_word_processor_keeps_apart_are_read() -> None:
    """Clauses numbered by the program, not typed, are recognised like typed ones."""
    doc = Document()
    doc.add_paragraph("Điều 1. Phạm vi")
    for words in ("Đèn ngõ.", "Đèn công viên."):
        doc.add_paragraph(words, style="List Number")
    doc.add_paragraph("Chợ", style="List Bullet")
    out = io.BytesIO()
    doc.save(out)
    read = parse(read_file("du-thao.docx", out.getvalue()))
    assert [one.label for one in read.articles] == ["Điều 1", "khoản 1", "khoản 2"]
    assert read.articles[-1].text == "Đèn công viên.\nChợ"

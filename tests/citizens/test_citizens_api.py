"""Reports over HTTP: one verb a call, problems as RFC 9457, and nothing of the reporter for others."""

from typing import Any

import httpx

from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import sign_in
from dothi.app import verbs
from dothi.territory import Territory
from dothi.web.parts import Parts

COMMUNE = "19789"
WORDS = "Đèn trước số nhà 12 tắt ba đêm nay."
SAID = {"category": "street_light", "description": WORDS, "unit": COMMUNE}


def client_of(city: Any) -> httpx.AsyncClient:
    """A client of the JSON endpoints of this city."""
    here: Territory = city.citizens.territory
    names = ("sources", "operations", "rules", "life", "programme", "evidence", "messages", "custody")
    unused: Any = dict.fromkeys(names)
    parts = Parts(hub=city.hub, accounts=city.accounts, territory=here, citizens=city.citizens, **unused)
    return httpx.AsyncClient(transport=httpx.ASGITransport(verbs(parts)), base_url="http://city")


def test_filed_handled_and_judged_over_http(in_city: Any, make_jpeg: Any, answer_words: str) -> None:
    """The chain by JSON: the same key files once, verbs need the session, the answer needs its proof."""

    async def story(city: Any) -> None:
        official = next(one for one in await make_sample_users(city.accounts, "46", COMMUNE) if one.role == "official")
        session = await sign_in(city.accounts, official.login, official.password, "test")
        signed = {"cookie": f"dothi_session={session.token}", "x-csrf-token": session.csrf}
        async with client_of(city) as client:
            key = {"idempotency-key": "k" * 20}
            first = await client.post("/reports", data=SAID, headers=key, files={"photos": ("a.jpg", make_jpeg())})
            again = await client.post("/reports", data=SAID, headers=key, files={"photos": ("a.jpg", make_jpeg())})
            assert first.status_code == 201
            assert first.json() == again.json()
            code, whole = first.json()["code"], first.json()["followCode"]
            assert (await client.get("/reports")).json()["count"] == 1
            refused = await client.post(f"/reports/{code}/receive")
            assert refused.status_code in (401, 403)
            assert (await client.post(f"/reports/{code}/receive", headers=signed)).json()["state"] == "received"
            said = {"outcome": "resolved", "words": answer_words}
            proof = {"proof": ("sau.jpg", make_jpeg(colour="gold"))}
            done = await client.post(f"/reports/{code}/answer", data=said, files=proof, headers=signed)
            assert done.json()["outcome"] == "resolved"
            assert (await client.post(f"/reports/{code}/rating", json={"stars": 2})).status_code == 404
            assert (await client.post(f"/reports/{whole}/rating", json={"stars": 2})).json()["rating"] == 2
            again_open = await client.post(f"/reports/{whole}/reopening", json={"reason": "Đèn lại tắt từ tối qua"})
            assert again_open.json()["state"] == "reopened"
            assert [one["verb"] for one in (await client.get(f"/reports/{whole}")).json()["timeline"]][-1] == "reopen"
            measured = (await client.get("/reports/measures")).json()
            assert (measured["usage"]["filed"], measured["satisfaction"]["stars"], measured["reopened"]) == (1, 2.0, 1)

    in_city(story)


def test_everybody_sees_progress_and_not_the_reporter(in_city: Any, make_jpeg: Any) -> None:
    """The public form has no words, photos or exact place of the reporter."""

    async def story(city: Any) -> None:
        async with client_of(city) as client:
            place = {"lon": "107.590512", "lat": "16.463712"}
            filed = await client.post("/reports", data=SAID | place, files={"photos": ("a.jpg", make_jpeg())})
            seen = await client.get(f"/reports/{filed.json()['code']}")
            assert seen.json()["place"] == [107.591, 16.464]
            for text in (seen.text, (await client.get("/reports")).text):
                assert WORDS not in text
                assert "107.5905" not in text
                assert "photos" not in text

    in_city(story)


def test_bad_input_is_a_problem_document_and_files_nothing(in_city: Any) -> None:
    """Each refusal is application/problem+json and files nothing; too many are told when to come back."""

    async def story(city: Any) -> None:
        async with client_of(city) as client:
            for data, files, status in (
                (SAID | {"category": "ufo"}, None, 400),
                (SAID | {"unit": "00000"}, None, 400),
                (SAID | {"lon": "999", "lat": "1"}, None, 422),
                (SAID, {"photos": ("x.jpg", b"no photo")}, 400),
                ({}, None, 422),
            ):
                answer = await client.post("/reports", data=data, files=files)
                assert answer.status_code == status, (data, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
            assert (await client.get("/reports/AAAAAA")).status_code == 404
            assert (await client.get("/reports")).json()["count"] == 0
            answers = [await client.post("/reports", data=SAID) for _ in range(12)]
            assert answers[-1].status_code == 429
            assert answers[-1].json()["retry_after"] > 0

    in_city(story)


def test_before_sending_following_and_the_counter_over_http(in_city: Any) -> None:
    """Questions, what to know before, a follower's code, staff on behalf, and why a case is where it is."""

    async def story(city: Any) -> None:
        samples = await make_sample_users(city.accounts, "46", COMMUNE)
        official = next(one for one in samples if one.role == "official")
        session = await sign_in(city.accounts, official.login, official.password, "test")
        signed = {"cookie": f"dothi_session={session.token}", "x-csrf-token": session.csrf}
        async with client_of(city) as client:
            asked = (await client.get("/reports/questions", params={"category": "danger"})).json()
            assert [one["id"] for one in asked["questions"] if one["required"]] == ["danger_kind", "hurt"]
            said = SAID | {"channel": "phone", "consent": "spoken", "phone": "0905123456"}
            assert (await client.post("/reports/assisted", json=said)).status_code in (401, 403)
            filed = await client.post("/reports/assisted", json=said, headers=signed)
            assert filed.status_code == 201, filed.text
            code = filed.json()["code"]
            draft = {"category": "street_light", "description": WORDS, "unit": COMMUNE}
            found = (await client.post("/reports/check", json=draft)).json()
            assert [one["code"] for one in found["nearby"]] == [code]
            complaint = draft | {"category": "other", "description": "Tôi khiếu nại quyết định"}
            assert (await client.post("/reports/check", json=complaint)).json()["channels"][0]["id"] == "complaint"
            secret = await client.post("/reports/check", json=draft | {"description": "Tài liệu mật số 17"})
            assert (secret.status_code, "17" in secret.text) == (400, False)
            followed = await client.post(f"/reports/{code}/followers", json={"phone": "0905999888"})
            assert followed.status_code == 201
            came = (await client.get(f"/reports/{code}/arrival", headers=signed)).json()
            assert (came["channel"], came["followers"], came["assisted"]) == ("phone", 1, True)
            assert came["routing"]["rule"] == "by-competence"
            assert came["routing"]["citation"]["sample"] is True
            judged = {"followCode": filed.json()["followCode"], "stars": 3}
            early = await client.post("/reports/assisted/judgement", json=judged, headers=signed)
            assert early.status_code == 409, "there is no answer yet"
            assert (
                await client.post("/reports/assisted/judgement", json={"followCode": code}, headers=signed)
            ).is_error

    in_city(story)

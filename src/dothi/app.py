"""The one place where the parts are put together: a city opened from its settings, and what serves it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.types import ASGIApp

from dothi import __version__
from dothi.accounts import api as accounts_api
from dothi.accounts.model import SessionRules
from dothi.accounts.organisations import own_organisations
from dothi.accounts.policy import RolePolicy
from dothi.accounts.roles import PUBLIC_TYPES
from dothi.accounts.signin import actor_today, authenticate
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.citizens import following, open_citizens, write_imported
from dothi.citizens.api import areas as areas_api
from dothi.citizens.api import consultations as consultations_api
from dothi.citizens.api import handling as handling_api
from dothi.citizens.api import intake as intake_api
from dothi.citizens.api import problems as problems_api
from dothi.citizens.api import reports as citizens_api
from dothi.citizens.api import services as services_api
from dothi.citizens.api.open311 import Endpoint, open311
from dothi.citizens.channels import areas, listener, notices
from dothi.citizens.channels.links import makers
from dothi.citizens.channels.listener import MailDesk
from dothi.citizens.consultations import preparing, telling
from dothi.citizens.handling import watching
from dothi.citizens.intake import broken
from dothi.citizens.needs import Citizens, rules_kind
from dothi.citizens.services.counts import writers
from dothi.citizens.services.registry import keep_sample_services
from dothi.evidence import api as evidence_api
from dothi.evidence import engine as figures
from dothi.evidence.definitions import keep_sample_indicators
from dothi.evidence.model import COUNTRY
from dothi.evidence.report import run as run_reports
from dothi.evidence.report.templates import KINDS as REPORT_RULES
from dothi.evidence.service import open_evidence
from dothi.front import bodies_within, short_addresses, status_problem, straight
from dothi.ground.errors import DothiError, TooLarge
from dothi.ground.problem import RETRY, problem
from dothi.hub.access import Open, Policy
from dothi.hub.api import Limits, ngsi_ld
from dothi.hub.api.subscriptions.inbox import INBOX, inbox
from dothi.hub.context import Contexts
from dothi.hub.context.published import vocabulary_document
from dothi.hub.core import Hub
from dothi.hub.peers import records
from dothi.hub.peers.federate.answer.gathering import peers_of
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.loops import name_of
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.federate.subscribe.carrying import Carrier
from dothi.hub.peers.hosting import shelf_of
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.wire import EVERYWHERE, Reach, Wire
from dothi.hub.write import expiry
from dothi.office import api as office_api
from dothi.office import mergers as mergers_api
from dothi.office.lifecycle import api as lifecycle_api
from dothi.office.lifecycle import open_life
from dothi.office.lifecycle.disposals import following as life_following
from dothi.office.lifecycle.rules import rules_kind as lifecycle_rules
from dothi.office.messages import Gateway, MailServer, Messages, open_messages, outbox
from dothi.office.messages import api as messages_api
from dothi.office.rules import keep_fresh as keep_rules_fresh
from dothi.office.rules import open_rules
from dothi.operations import rooms
from dothi.operations.incidents.orders.links import makers as order_links
from dothi.operations.model import Operations
from dothi.operations.warnings.channels import following as warning_delivery
from dothi.operations.warnings.channels.mqtt import Broker
from dothi.operations.warnings.channels.opening import Addresses, open_channels
from dothi.programme import chasing
from dothi.programme.api import council as council_api
from dothi.programme.api import directives as directives_api
from dothi.programme.api import pilots as pilots_api
from dothi.programme.api import plans as plans_api
from dothi.programme.api import tasks as programme_api
from dothi.programme.api import work as work_api
from dothi.programme.council import model as council
from dothi.programme.directives import model as directives
from dothi.programme.law import keep_sample_provisions
from dothi.programme.model import Programme
from dothi.programme.pilots import service as pilots
from dothi.programme.rules import rules_kind as programme_rules
from dothi.programme.tasks import following as parts_following
from dothi.programme.tasks import service as tasks
from dothi.settings import Settings
from dothi.sources import api as sources_api
from dothi.sources import runner
from dothi.sources.service import open_sources
from dothi.territory import Territory
from dothi.territory import api as territory_api
from dothi.territory import service as territory_service
from dothi.web import opened
from dothi.web.parts import Parts
from dothi.web.site import site

log = logging.getLogger("dothi")
_RESTART_S = 2.0  # A consumer that failed is started again after this long.


async def open_city(settings: Settings, city: str = "dothi", demo: bool = False) -> Parts:
    """Open (or make) the city in the data folder. In a demo anybody reads public types.

    Conflict when another process has the folder, Invalid when the store is foreign or of a newer version.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    territory = Territory.load()
    policy: Policy = Open() if settings.open else RolePolicy(territory.within, PUBLIC_TYPES if demo else frozenset())
    hub = Hub(settings.data / "hub", policy, settings.store)
    accounts = Accounts.open(
        settings.data,
        territory.within,
        SessionRules(secure=settings.cookies_secure),
        former=territory.with_former,
        url=settings.store,
    )
    vault = await Vault.open(settings.data, accounts, url=settings.store, key_file=settings.vault_key)
    if isinstance(policy, RolePolicy):
        territory.shelf.watchers.append(policy.forget)
        policy.ask(partial(actor_today, accounts))
        accounts.cache.watchers.append(policy.forget)
    records.declare(hub)
    territory_service.guard(hub)
    territory_service.refresh(territory, hub)
    kinds = (rules_kind(), programme_rules(), chasing.rules_kind(), *rooms.rule_kinds(), *REPORT_RULES, lifecycle_rules())
    rules = open_rules(hub, territory, kinds)
    citizens = open_citizens(hub, vault, territory, adopted=rules)

    own_organisations(hub)
    messages = _messages(settings, citizens, city)
    operations = Operations(hub, territory, vault, rules, messages, accounts=accounts, home=settings.unit)
    programme = Programme(hub, territory, adopted=rules)
    rooms.declare(operations)
    for room in (tasks, council, pilots, directives):
        room.own(programme)
    return Parts(
        hub=hub,
        accounts=accounts,
        territory=territory,
        sources=open_sources(
            hub, settings.data, {"CitizenReport": partial(write_imported, citizens), **writers(citizens)}
        ),
        operations=operations,
        citizens=citizens,
        rules=rules,
        life=open_life(hub, rules, vault, settings.data),
        messages=messages,
        channels=open_channels(operations, messages, _addresses(settings)),
        programme=programme,
        evidence=open_evidence(hub, territory, settings.unit or COUNTRY, rules),
        city=city,
        simulated=demo,
        secure=settings.cookies_secure,
        province=territory.province_of(settings.unit).code if settings.unit else "",
    )


def _messages(settings: Settings, citizens: Citizens, city: str) -> Messages:
    """The outbox with the channels that the operator has set."""
    channels: list[MailServer | Gateway] = []
    if settings.mail_server:
        host, _, port = settings.mail_server.rpartition(":")
        sender, security = settings.mail_from, settings.mail_security
        account = (settings.mail_user, settings.mail_password)
        channels.append(MailServer(host, int(port), sender, "mail", city, *account, security))
    if settings.phone_url:
        channels.append(Gateway(settings.phone_url, settings.phone_secret))
    made = {**makers(citizens), **order_links(citizens.vault)}
    return open_messages(citizens.hub, citizens.vault, tuple(channels), city, settings.address, made)


def _addresses(settings: Settings) -> Addresses:
    """Where warnings and drills leave, as far as the operator has set it."""
    host, _, port = settings.warning_broker.rpartition(":")
    account = (settings.warning_broker_user, settings.warning_broker_password)
    broker = Broker(host, int(port), *account, settings.warning_broker_tls) if host else None
    return Addresses(
        broker,
        settings.warning_topic,
        settings.drill_topic,
        settings.warning_url,
        settings.drill_url,
        settings.warning_secret,
        settings.drill_mail,
    )


async def keep_samples(parts: Parts) -> None:
    """Bring in what is shipped as labelled samples and is not there yet: alarm rules, provisions, indicators."""
    await keep_sample_provisions(parts.programme)
    await keep_sample_indicators(parts.evidence)
    if parts.province:
        await broken.keep_sample_organisations(parts.citizens, parts.province)
        await keep_sample_services(parts.citizens, parts.province)


async def close_city(parts: Parts) -> None:
    """Write what waits and close every store."""
    await parts.hub.close()
    parts.citizens.vault.close()
    parts.accounts.close()


def consumers(parts: Parts) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    """What runs beside the requests, by name: each follows the feed or the clock until cancelled."""
    position = parts.hub.last_seq()
    return {
        **rooms.consumers(parts.operations),
        "expiry": lambda: expiry.run(parts.hub),
        "citizens": lambda: following.run(parts.citizens),
        "clocks of reports": lambda: watching.run(parts.citizens),
        "routing rules": lambda: broken.run(parts.citizens),
        "consultations": lambda: preparing.run(parts.citizens),
        "consultation messages": lambda: telling.run(parts.citizens, parts.messages),
        "screens": lambda: opened.run(parts.opened, parts.operations),
        "figures": lambda: figures.run(parts.evidence),
        "reports": lambda: run_reports(parts.evidence),
        "chasing": lambda: chasing.run(parts.programme),
        "parts": lambda: parts_following.run(parts.programme),
        "sources": lambda: runner.run_sources(parts.sources),
        "rules": lambda: keep_rules_fresh(parts.rules),
        "messages": lambda: outbox.run(parts.messages),
        "warnings leave": lambda: warning_delivery.run(parts.operations, parts.channels),
        "areas": lambda: areas.run(parts.citizens, parts.messages),
        "notices": lambda: notices.run(parts.citizens, parts.messages),
        "disposals": lambda: life_following.run(parts.life),
        "boundaries": lambda: territory_service.keep_fresh(parts.territory, parts.hub, position),
    }


def make_app(
    parts: Parts, settings: Settings, extra: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = {}
) -> ASGIApp:
    """NGSI-LD under /ngsi-ld/v1, verbs under /api, Open311 under /open311, pages at the root, `extra` beside them."""
    contexts = Contexts(
        settings.context_hosts,
        {f"{settings.address}/ngsi-ld/v1/vocabulary.jsonld": vocabulary_document()},
        shelf=shelf_of(parts.hub),
        home=settings.address,
    )
    wire = Wire(EVERYWHERE if settings.open else Reach(settings.peer_hosts))
    registry = Registry(parts.hub, settings.alias or name_of(settings.data / "hub"))
    peers = peers_of(parts.hub, wire, registry, contexts, settings.split_entities)
    notifier = Notifier(parts.hub, contexts, wire)
    watchers = Watchers(parts.hub, registry, contexts, notifier.lanes)
    hub_api = ngsi_ld(
        parts.hub,
        contexts,
        lambda headers: authenticate(parts.accounts, headers),
        Limits(settings.max_body, settings.max_depth, instances=settings.history_page),
        wire,
        peers,
        notifier,
        watchers,
    )

    at_once = {**consumers(parts), **_mail_in(parts, settings), "registrations": registry.follow, **extra}
    at_once |= {"notifications": notifier.run, "watchers": watchers.run, "calls of sources": registry.tallies.run}
    carrier = Carrier(peers, notifier, watchers, f"{settings.address}/ngsi-ld/ex/{INBOX}")
    at_once["subscriptions at sources"] = carrier.run

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        beside = [asyncio.create_task(_keep(name, run)) for name, run in at_once.items()]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            for task in beside:
                with suppress(asyncio.CancelledError):
                    await task
            await peers.copies.close()
            await wire.close()

    routes = [
        Mount("/api", bodies_within(verbs(parts), settings.max_body)),
        Mount("/ngsi-ld/ex", inbox(carrier, contexts, settings.max_body)),
        Mount("/open311", bodies_within(open311(_open311(parts, settings)), settings.max_body)),
        Mount("/", site(parts)),
    ]
    return short_addresses(straight("/ngsi-ld/v1", hub_api, Starlette(routes=routes, lifespan=lifespan)))


def _mail_in(parts: Parts, settings: Settings) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    """The listener for mail that is to become reports, where the operator has set one."""
    if not settings.mail_in_port:
        return {}
    desk = MailDesk(parts.citizens, parts.messages, settings.unit, settings.mail_from)
    return {"mail in": lambda: listener.run(desk, settings.mail_in_host, settings.mail_in_port)}


def _open311(parts: Parts, settings: Settings) -> Endpoint:
    """What the Open311 endpoint needs."""
    home = settings.unit or parts.province
    return Endpoint(parts.citizens, parts.accounts, home, settings.address, parts.simulated)


def verbs(parts: Parts) -> FastAPI:
    """The JSON endpoints of the modules, described at /api/openapi.json."""
    api = FastAPI(title="dothi", version=__version__, docs_url=None, redoc_url=None, responses=_PROBLEMS)
    api.state.parts = parts
    for module in (
        accounts_api,
        areas_api,
        handling_api,
        intake_api,
        citizens_api,
        consultations_api,
        problems_api,
        services_api,
        evidence_api,
        lifecycle_api,
        mergers_api,
        messages_api,
        office_api,
        council_api,
        directives_api,
        pilots_api,
        programme_api,
        plans_api,
        work_api,
        sources_api,
    ):
        api.include_router(module.router)
    for router in rooms.ROUTERS:
        api.include_router(router)
    api.include_router(handling_api.links)
    api.include_router(territory_api.router(parts.territory))
    api.add_exception_handler(DothiError, _refused)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _plain)
    api.add_exception_handler(Exception, _refused)
    return api


_PROBLEM_JSON = "application/problem+json"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": f"{HTTPStatus(status).phrase}, as a problem (RFC 9457)",
        "content": {_PROBLEM_JSON: {"schema": {"type": "object", "required": ["type", "title", "status", "detail"]}}},
    }
    for status in (400, 401, 403, 404, 409, 413, 414, 422, 429)
}


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status, body = problem(error)
    wait = body.get("retry_after", RETRY.get(status))
    headers = {"Retry-After": str(wait)} if wait else {}
    return JSONResponse(body, status, headers, _PROBLEM_JSON)


async def _plain(_: Request, error: Exception) -> JSONResponse:
    """What the framework refuses: no such path or method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return await _refused(_, TooLarge(str(error.detail)))
    body = status_problem(error.status_code, str(error.detail))
    return JSONResponse(body, error.status_code, error.headers, _PROBLEM_JSON)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    """What a body or parameter lacks, in one sentence for each."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:20]]
    body = {
        "type": "urn:dothi:problem:invalid",
        "title": "The input is not valid",
        "status": 422,
        "detail": "; ".join(wrong),
    }
    return JSONResponse(body, 422, media_type=_PROBLEM_JSON)


async def _keep(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Keep a consumer going: one that fails is told of and started again where its cursor stands."""
    while True:
        try:
            await run()
            return
        except Exception:
            log.exception("The consumer %s failed and starts again", name)
            await asyncio.sleep(_RESTART_S)

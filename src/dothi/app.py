"""The one place where the parts are put together: a city opened from its settings, and what serves it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
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
from dothi.front import PROBLEMS, REFUSALS, bodies_within, short_addresses, straight
from dothi.hub.access import Open, Policy
from dothi.hub.api import Limits, ngsi_ld
from dothi.hub.api.subscriptions.inbox import INBOX, inbox
from dothi.hub.context import Contexts
from dothi.hub.context.published import vocabulary_document
from dothi.hub.core import Hub
from dothi.hub.peers import custody, records
from dothi.hub.peers.federate.answer.gathering import peers_of
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.loops import name_of
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.federate.subscribe.carrying import Carrier
from dothi.hub.peers.hosting import shelf_of
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.records import CONTEXT, REGISTRATION
from dothi.hub.peers.wire import EVERYWHERE, Reach, Wire
from dothi.hub.store.cold.sealing import Policy as Sealing
from dothi.hub.write import expiry
from dothi.office import api as office_api
from dothi.office import custody as custody_api
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
Run = Callable[[], Coroutine[Any, Any, None]]
Lead = Callable[[Run], Coroutine[Any, Any, None]]  # Runs the work of a leader for as long as this process leads.
Hand = Callable[[ASGIApp, Callable[[str], bool]], ASGIApp]  # Given whether a tenant has no context sources.
_OUTSIDE = {"notifications", "messages", "warnings leave"}  # The work that reaches others.
_RESTART_S = 2.0  # A consumer that failed is started again after this long.


async def open_city(settings: Settings, city: str = "dothi", demo: bool = False, worker: str = "") -> Parts:
    """Open (or make) the city in the data folder. In a demo anybody reads public types.

    `worker` is the name of a process beside the one that writes an embedded store. Conflict when another process has
    the folder, Invalid when the store is foreign or of a newer version.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    territory = Territory.load()
    policy: Policy = Open() if settings.open else RolePolicy(territory.within, PUBLIC_TYPES if demo else frozenset())
    hub = Hub(settings.data / "hub", policy, settings.store, worker, settings.files, settings.archive)
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
    own_rules = (rules_kind(), programme_rules(), chasing.rules_kind(), lifecycle_rules())
    rules = open_rules(hub, territory, (*own_rules, *rooms.rule_kinds(), *REPORT_RULES))
    life = open_life(hub, rules, vault, settings.data)
    citizens = open_citizens(hub, vault, territory, adopted=rules, life=life)

    own_organisations(hub)
    messages = _messages(settings, citizens, city)
    operations = Operations(hub, territory, vault, rules, messages, accounts=accounts, home=settings.unit)
    programme = Programme(hub, territory, adopted=rules)
    rooms.declare(operations)
    for room in (tasks, council, pilots, directives):
        room.own(programme)
    return Parts(
        hub=hub,
        custody=custody.open_custody(hub, settings.data / "hub", settings.alias, worker),
        accounts=accounts,
        territory=territory,
        sources=open_sources(
            hub, settings.data, {"CitizenReport": partial(write_imported, citizens), **writers(citizens)}
        ),
        operations=operations,
        citizens=citizens,
        rules=rules,
        life=life,
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
    await custody.finish(parts.custody)
    await parts.hub.close()
    parts.citizens.vault.close()
    parts.accounts.close()


def consumers(parts: Parts) -> dict[str, Run]:
    """What one process of a city does beside the requests: each follows the feed or the clock until cancelled."""
    return {
        **rooms.consumers(parts.operations),
        "expiry": lambda: expiry.run(parts.hub),
        "notary": lambda: custody.run(parts.custody),
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
        "messages": lambda: outbox.run(parts.messages),
        "warnings leave": lambda: warning_delivery.run(parts.operations, parts.channels),
        "areas": lambda: areas.run(parts.citizens, parts.messages),
        "notices": lambda: notices.run(parts.citizens, parts.messages),
        "disposals": lambda: life_following.run(parts.life),
    }


def fresh(parts: Parts) -> dict[str, Run]:
    """What every process of a city does beside its requests: it keeps fresh what they rest on."""
    position = parts.hub.last_seq()
    return {
        "rules": lambda: keep_rules_fresh(parts.rules),
        "boundaries": lambda: territory_service.keep_fresh(parts.territory, parts.hub, position),
        "position": parts.hub.following.keep_up,
    }


def own(app: ASGIApp, _: Callable[[str], bool]) -> ASGIApp:
    """Of a city with one process this one answers everything."""
    return app


async def at_once(work: Run) -> None:
    """Of a city with one process this one leads."""
    await work()


def make_app(
    parts: Parts, settings: Settings, extra: Mapping[str, Run] = {}, lead: Lead = at_once, hand: Hand = own
) -> ASGIApp:
    """NGSI-LD under /ngsi-ld/v1, verbs under /api, Open311 under /open311, pages at the root, `extra` beside them.

    `lead` says when this process does what only one does, `hand` what it hands over to that one.
    """
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
    limits = Limits(settings.max_body, settings.max_depth, instances=settings.history_page)
    who = partial(authenticate, parts.accounts)
    hub_api = ngsi_ld(parts.hub, contexts, who, limits, wire, peers, notifier, watchers)

    leading = {**consumers(parts), **_mail_in(parts, settings), **extra}
    leading |= {"notifications": notifier.run, "watchers": watchers.run, "calls of sources": registry.tallies.run}
    carrier = Carrier(peers, notifier, watchers, f"{settings.address}/ngsi-ld/ex/{INBOX}")
    leading["subscriptions at sources"] = carrier.run
    leading["sealing"] = lambda: parts.hub.keep_sealed(Sealing(settings.archive_hours, settings.archive_beyond))
    if (settings.data / "held").exists():  # Restored to an earlier moment: what it owes others may be long delivered.
        log.warning("Nothing is sent outside while %s is there.", settings.data / "held")
        leading = {name: run for name, run in leading.items() if name not in _OUTSIDE}
    each = {**fresh(parts), "registrations": registry.follow}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        parts.hub.following.mind((REGISTRATION,), registry.forget)
        parts.hub.following.mind((CONTEXT,), lambda _: contexts.renew())
        beside = [asyncio.create_task(_beside(each)), asyncio.create_task(lead(lambda: _beside(leading)))]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await peers.copies.close()
            await wire.close()

    routes = [
        Mount("/api", bodies_within(verbs(parts), settings.max_body)),
        Mount("/ngsi-ld/ex", inbox(carrier, contexts, settings.max_body)),
        Mount("/open311", bodies_within(open311(_open311(parts, settings)), settings.max_body)),
        Mount("/", site(parts)),
    ]
    app = straight("/ngsi-ld/v1", hub_api, Starlette(routes=routes, lifespan=lifespan))
    return short_addresses(hand(app, registry.none))


def _mail_in(parts: Parts, settings: Settings) -> dict[str, Run]:
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
    api = FastAPI(title="dothi", version=__version__, docs_url=None, redoc_url=None, responses=PROBLEMS)
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
        custody_api,
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
    for kind, answer in REFUSALS.items():
        api.add_exception_handler(kind, answer)
    return api


async def _beside(runs: Mapping[str, Run]) -> None:
    """Keep consumers going until cancelled; they have ended when this ends."""
    tasks = [asyncio.create_task(_keep(name, run)) for name, run in runs.items()]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(name: str, run: Run) -> None:
    """Keep a consumer going: one that fails is told of and started again where its cursor stands."""
    while True:
        try:
            await run()
            return
        except Exception:
            log.exception("The consumer %s failed and starts again", name)
            await asyncio.sleep(_RESTART_S)

"""Builds delivery out of values: the sender and its leaves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from target_zendesk_events.delivery.claims import Claims
from target_zendesk_events.delivery.consequences import Consequences
from target_zendesk_events.delivery.credentials import Credentials
from target_zendesk_events.delivery.departures import Departures
from target_zendesk_events.delivery.directory import Directory
from target_zendesk_events.delivery.doubts import Doubts
from target_zendesk_events.delivery.follow_up import FollowUp
from target_zendesk_events.delivery.in_flight import InFlight, Task
from target_zendesk_events.delivery.inquiries import Inquiries
from target_zendesk_events.delivery.intake import Intake
from target_zendesk_events.delivery.jobs import Jobs
from target_zendesk_events.delivery.lanes import Lanes
from target_zendesk_events.delivery.lookout import Lookout
from target_zendesk_events.delivery.renewal import Renewal
from target_zendesk_events.delivery.sender import Sender
from target_zendesk_events.delivery.settling import Settling
from target_zendesk_events.delivery.shipment import OpenShipment, Suspect
from target_zendesk_events.delivery.suspicion import Suspicion
from target_zendesk_events.delivery.workers import Workers
from target_zendesk_events.ledger.keys import Keys
from target_zendesk_events.ledger.ledger import Ledger
from target_zendesk_events.limits.brakes import Names, Quotas, SetAsideShare
from target_zendesk_events.limits.outage import Outage
from target_zendesk_events.limits.rate_limits import RateLimits
from target_zendesk_events.outcome.checkpoints import Checkpoints
from target_zendesk_events.outcome.dead_letters import DeadLetters
from target_zendesk_events.outcome.report import Report
from target_zendesk_events.zendesk.client import Client


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """The settings that delivery follows, under their own names."""

    max_in_flight: int
    batch_size_rows: int
    max_outage_seconds: float
    max_set_aside_percent: int
    on_unknown_outcome: str
    sends_held_blindly: bool = False
    unknown_customers: str = "create"


def build(  # noqa: PLR0913 - values, not owners
    terms: Terms,
    *,
    client: Client,
    workers: Workers[Task],
    ledger: Ledger,
    dead_letters: DeadLetters,
    checkpoints: Checkpoints,
    report: Report,
    keys: Keys,
    names: Names,
    quotas: Quotas,
    rate_limits: RateLimits,
    write_state: Callable[[bytes], None],
    reached: Callable[[str], None] = lambda _: None,
    monotonic: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Sender:
    """Return a sender that is idle. `reached` is told each durable step of a shipment's life as it is done."""
    lanes: Lanes[OpenShipment] = Lanes()
    jobs = Jobs(terms.max_outage_seconds, reached)
    directory = Directory(ledger, keys, checks_customers=terms.unknown_customers != "create")
    outage = Outage(terms.max_outage_seconds)
    suspicion: Suspicion[Suspect] = Suspicion()
    share = SetAsideShare(terms.max_set_aside_percent, ledger.share_before)
    settling = Settling(ledger, dead_letters, checkpoints, report, share, names, write_state, wall, reached)
    in_flight = InFlight(client, workers, rate_limits, report, reached)
    renewal = Renewal(client.auth, wall, terms.max_outage_seconds)
    credentials = Credentials(in_flight, renewal, rate_limits, outage, suspicion)
    departures = Departures(
        lanes,
        in_flight,
        credentials,
        renewal,
        rate_limits,
        outage,
        suspicion,
        Lookout(outage, suspicion, wall),
        quotas,
        jobs,
        directory,
        terms.max_in_flight,
    )
    claims = Claims(ledger, settling, quotas)
    follow_up = FollowUp(
        client.auth,
        outage,
        suspicion,
        doubts=Doubts(terms.on_unknown_outcome, sends_held_blindly=terms.sends_held_blindly, wall=ledger.now),
        max_outage_seconds=terms.max_outage_seconds,
        wall=ledger.now,
        unknown_customers=terms.unknown_customers,
    )
    return Sender(
        intake=Intake(
            ledger,
            report,
            settling,
            lanes,
            keys,
            share,
            names,
            batch_size_rows=terms.batch_size_rows,
            monotonic=monotonic,
        ),
        lanes=lanes,
        departures=departures,
        claims=claims,
        in_flight=in_flight,
        credentials=credentials,
        follow_up=follow_up,
        consequences=Consequences(
            lanes=lanes,
            departures=departures,
            claims=claims,
            in_flight=in_flight,
            jobs=jobs,
            directory=directory,
            credentials=credentials,
            settling=settling,
            rate_limits=rate_limits,
            report=report,
        ),
        inquiries=Inquiries(
            directory,
            jobs,
            follow_up,
            in_flight,
            credentials,
            renewal,
            rate_limits,
            outage,
            suspicion,
            terms.max_in_flight,
        ),
        settling=settling,
        rate_limits=rate_limits,
        outage=outage,
        suspicion=suspicion,
        report=report,
        monotonic=monotonic,
    )

"""A Zendesk of all kinds on a fake clock: events, profiles, object records and their jobs, tickets, look-ups."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import urllib.parse
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from test_sender import Clock, House, Memory, Reply, Zendesk

from target_zendesk_events.kinds.deletion import ProfileDeletion
from target_zendesk_events.kinds.event import Event
from target_zendesk_events.kinds.look_up import LookUp
from target_zendesk_events.kinds.object_record import ObjectRecord, Reference
from target_zendesk_events.kinds.profile import Identifier, Method, Profile, ProfileUpsert
from target_zendesk_events.kinds.request import Bucket, Request
from target_zendesk_events.kinds.shipment import Shipment
from target_zendesk_events.kinds.ticket import Ticket, TicketComment
from target_zendesk_events.ledger.ledger import NEW, Entry, Keyed, Settlement, Standing
from target_zendesk_events.work import Match, Work
from target_zendesk_events.zendesk.answers import Answer, Kind

POISON = "poison"
"""A plan that Zendesk refuses, alone and in a job."""
MISSING = Reply(Kind.REFUSED, 404)
REFUSED = Reply(Kind.REFUSED, 422)
TAKEN = Reply(Kind.ACCEPTED, 200, stores=True)


@dataclasses.dataclass
class Job:
    """One job: when it ends, what it holds, and what it says then."""

    id: str
    key: str
    items: list[Any]
    due: float
    fate: str = "completed"
    done: set[str] = dataclasses.field(default_factory=set)
    is_over: bool = False


class KindsZendesk(Zendesk):
    """Answers each request by the plan, whatever it asks for; what it takes it keeps, by identity."""

    def __init__(self, clock: Clock, plan: Sequence[Reply] = (), *, visible_after: float = 0.0) -> None:
        """Hold nothing, and know no user."""
        super().__init__(clock, plan, visible_after=visible_after)
        self.time = clock
        self.users: set[str] = set()
        """The external ids, and email addresses, of users."""
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        self.deleted_profiles: list[str] = []
        self._made = 0
        self.tickets: list[dict[str, Any]] = []
        self.used_keys: set[str] = set()
        self.comments: list[str] = []
        self.headers: Mapping[str, str] = {}
        self.jobs: dict[str, Job] = {}
        self.fates: list[tuple[str, float]] = []
        """What becomes of the next jobs, and how long each takes; then all complete after a second."""
        self.buckets: list[Bucket] = []
        """Whose minute each of `requests` took; without tokens."""
        self.floor_buckets: list[Bucket] = []
        """Whose minute each of `floors` is of."""
        self.paths: list[tuple[float, str, str]] = []
        """When each request was sent, its verb and its path."""
        self.reply_to: Callable[[Request], Reply | None] = lambda request: None  # noqa: ARG005
        """What is answered to a request, before the plan is looked at."""

    def send(self, request: Request) -> Answer:
        """Serve any request."""
        path = urllib.parse.urlsplit(request.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(path.query).items()}
        self.paths.append((self.time.now, request.method, path.path))
        self.headers = request.headers
        self._finish_jobs()
        is_of_events = path.path.startswith("/api/v2/user_profiles")
        self.buckets.append(Bucket.EVENTS if is_of_events else Bucket.SUPPORT)
        body = json.loads(request.body) if request.body else {}
        if path.path == "/api/v2/user_profiles/events":
            answer = super().send(request)
            self._know(body)
        else:
            reply = self.reply_to(request) or (self.plan.popleft() if self.plan else TAKEN)
            given, payload = self._served(request.method, path.path, query, body, reply)
            if payload == {"profile": {}} and reply.kind is Kind.ACCEPTED:
                given = dataclasses.replace(MISSING, latency=reply.latency)
            name = f"{request.method} {path.path.rsplit('/', maxsplit=1)[-1]}"
            answer = self._answer(name, None, given, payload)
        self.floor_buckets += self.buckets[-1:] * (len(self.floors) - len(self.floor_buckets))
        return answer

    def sent(self, method: str, ending: str) -> list[float]:
        """Return when each request of a verb whose path ends so was sent."""
        return [at for at, verb, path in self.paths if verb == method and path.endswith(ending)]

    def _know(self, body: Mapping[str, Any]) -> None:
        """Make a user of the customer of an event that was stored."""
        if body and any(one["properties"] == body["event"]["properties"] for _, one in self.stored):
            for one in body["profile"]["identifiers"]:
                self.users.add(one["value"])
                name = f"shop:customer:{one['type']}:{one['value']}"
                self.profiles[name] = {"id": self._profile_id(name)}

    def _served(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any], reply: Reply
    ) -> tuple[Reply, Any]:
        """Do what is asked as far as the reply lets; return the answer, and what it holds."""
        if path.endswith("/jobs"):
            return self._start(path.split("/")[4], body["job"]["items"], reply)
        if path.startswith("/api/v2/tickets"):
            return self._ticket(method, query, body, reply)
        if method == "GET":
            return reply, self._look_up(path, query)
        if method == "DELETE":
            return self._deleted(path, query, reply), None
        put = self._put_record if path.endswith("/records") else self._put_profile
        return (put(method, path, query, body, reply) if reply.stores else reply), None

    def _put_record(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any], reply: Reply
    ) -> Reply:
        item = body["custom_object_record"]
        if item["custom_object_fields"].get("plan") == POISON and method == "PATCH":
            return dataclasses.replace(REFUSED, latency=reply.latency)
        self.records[path.split("/")[4], query["external_id"]] = item
        return reply

    def _put_profile(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any], reply: Reply
    ) -> Reply:
        name = query["identifier"]
        if method == "PATCH" and name not in self.profiles:
            return dataclasses.replace(MISSING, latency=reply.latency)
        assert path.endswith("/user_profiles")
        self.profiles[name] = {"id": self._profile_id(name), **body["profile"]}
        return reply

    def _deleted(self, path: str, query: Mapping[str, str], reply: Reply) -> Reply:
        """Delete a record, or a profile with its events; 404 where there is none."""
        if not reply.stores:
            return reply
        number = path.rsplit("/", maxsplit=1)[-1]
        if number == "records":
            gone = self.records.pop((path.split("/")[4], query["external_id"]), None) is not None
        else:
            names = [name for name, one in self.profiles.items() if one["id"] == number]
            gone = bool(names)
            self.profiles = {name: one for name, one in self.profiles.items() if name not in names}
            self.deleted_profiles += [number] * gone
        return reply if gone else dataclasses.replace(MISSING, latency=reply.latency)

    def _profile_id(self, name: str) -> str:
        """Return the id that a profile has, or is given when it is made."""
        made = self.profiles.get(name)
        self._made += made is None
        return f"p-{self._made}" if made is None else str(made["id"])

    def _ticket(
        self, method: str, query: Mapping[str, str], body: Mapping[str, Any], reply: Reply
    ) -> tuple[Reply, Any]:
        """Make a ticket, once for each key; find it; change it, or comment on it."""
        if method == "GET":
            made = dt.datetime.fromtimestamp(self.time.wall(), dt.timezone.utc).isoformat()
            found = [one for one in self.tickets if one["external_id"] == query["external_id"]]
            return reply, {"tickets": [{"created_at": made, **one} for one in found]}
        if reply.stores and method == "PUT" and "comment" in body["ticket"]:
            self.comments.append(body["ticket"]["comment"]["body"])
        elif reply.stores and method == "POST" and self.headers.get("Idempotency-Key", "") not in self.used_keys:
            self.used_keys.add(self.headers["Idempotency-Key"])
            self.tickets.append({"external_id": body["ticket"].get("external_id")})
        return reply, None

    def _start(self, key: str, items: list[dict[str, Any]], reply: Reply) -> tuple[Reply, Any]:
        if not reply.stores:
            return reply, None
        fate, seconds = self.fates.pop(0) if self.fates else ("completed", 1.0)
        if reply.kind is not Kind.ACCEPTED:
            fate, seconds = "completed", 0.0  # else it could come after what is sent of the same things later
        job = Job(f"job-{len(self.jobs)}", key, items, self.time.now + reply.latency + seconds, fate)
        self.jobs[job.id] = job
        return reply, {"job_status": {"id": job.id, "status": "queued", "results": None}}

    def _finish_jobs(self) -> None:
        """Do what is due; half of a job that is killed, nothing of one that failed."""
        for job in sorted(self.jobs.values(), key=lambda one: one.due):
            if job.is_over or job.due > self.time.now or job.fate == "stuck":
                continue
            job.is_over = True
            share = {"failed": 0, "killed": len(job.items) // 2}.get(job.fate, len(job.items))
            for item in job.items[:share]:
                if isinstance(item, str):
                    self.records.pop((job.key, item), None)
                    job.done.add(item)
                elif item["custom_object_fields"].get("plan") != POISON:
                    self.records[job.key, item["external_id"]] = item
                    job.done.add(item["external_id"])

    def _shown(self, job: Job) -> dict[str, Any]:
        if not job.is_over:
            return {"id": job.id, "status": "working", "results": None}
        entries = [
            self._entry(job, index, item if isinstance(item, str) else item["external_id"])
            for index, item in enumerate(job.items)
        ]
        status = job.fate if job.fate in {"failed", "killed"} else "completed"
        told = {"failed": None, "killed": None, "fewer": entries[:-1], "reversed": entries[::-1]}
        return {"id": job.id, "status": status, "message": "m", "results": told.get(job.fate, entries)}

    @staticmethod
    def _entry(job: Job, index: int, external_id: str) -> dict[str, Any]:
        if external_id in job.done:
            return {"index": index, "success": True, "id": f"01{index}"}
        return {"index": index, "success": False, "error": "RecordInvalid", "details": "no such plan"}

    def _look_up(self, path: str, query: Mapping[str, str]) -> Any:
        if "ids" in query:
            jobs = [self.jobs[one] for one in query["ids"].split(",")]
            return {"job_statuses": [self._shown(one) for one in jobs if one.fate != "forgotten"]}
        if "external_ids" in query:
            names = query["external_ids"].split(",")
            return {"users": [{"id": f"u-{one}", "external_id": one} for one in names if one in self.users]}
        if "identifier" in query:
            return {"profile": self.profiles.get(query["identifier"], {})}
        if "query" in query:
            email = query["query"].partition(":")[2]
            return {"users": [{"id": f"u-{email}", "email": email}] if email in self.users else []}
        key, names = path.split("/")[4], query["filter[external_ids]"].split(",")
        found = [{"id": f"r-{one}", "external_id": one} for one in names if (key, one) in self.records]
        return {"custom_object_records": found}


class Kept(Memory):
    """A ledger in memory that remembers: what was settled, what was claimed, and the ids that were found."""

    def __init__(self) -> None:
        """Know of nothing."""
        super().__init__()
        self.ends: dict[bytes, tuple[bytes | None, Entry]] = {}
        self.open: dict[bytes, float] = {}
        """The keys that are claimed, and since when."""
        self.gone: dict[bytes, float] = {}
        """Those that a run which is gone left open."""
        self.found: dict[bytes, str] = {}

    def crash(self) -> None:
        """The run is gone: what it had claimed is unknown to the next."""
        self.gone, self.open = {**self.gone, **self.open}, {}

    def seen(self, events: Sequence[Keyed]) -> list[Entry]:
        """Return how each ended, if it did with this content."""
        return [self._end(one) or NEW for one in events]

    def exchange(self, settled: Sequence[Settlement], wanted: Sequence[Keyed], tally: Any) -> list[Entry]:
        """Note outcomes, and grant claims."""
        super().exchange(settled, (), tally)
        for one in settled:
            if one.keyed.key is not None:
                self.open.pop(one.keyed.key, None)
                self.ends[one.keyed.key] = one.keyed.content, Entry(Standing.SETTLED, one.outcome)
        return [self._claimed(one) for one in wanted]

    def release(self, events: Sequence[Keyed]) -> None:
        """Take claims back."""
        super().release(events)
        for one in events:
            self.open.pop(one.key or b"", None)

    def ids(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        """Return those that were found."""
        return {one: self.found[one] for one in hashes if one in self.found}

    def note_ids(self, ids: Mapping[bytes, str]) -> None:
        """Keep these."""
        self.found.update(ids)

    def drop_ids(self, hashes: Collection[bytes]) -> None:
        """Forget these."""
        for one in hashes:
            self.found.pop(one, None)

    def _end(self, one: Keyed) -> Entry | None:
        content, entry = self.ends.get(one.key or b"", (None, None))
        return entry if entry is not None and content == one.content else None

    def _claimed(self, one: Keyed) -> Entry:
        self.claims += 1
        end = self._end(one)
        if end is not None or one.key is None:
            return end or NEW
        self.open[one.key] = self.now()
        since = self.gone.pop(one.key, None)
        return NEW if since is None else Entry(Standing.UNKNOWN, sent_since=since)


def record(
    number: int, name: object, plan: str = "gold", *, key: str = "subscription", **fields: LookUp
) -> ObjectRecord:
    """Return a record of an object, which says its number; `fields` refer to others."""
    referring = {field: Reference(one) for field, one in fields.items()}
    return ObjectRecord(key, f"s-{name}", {"plan": plan, "number": number, **referring})


def user(name: object, by: str = "external_id") -> LookUp:
    """Return the look-up of a user."""
    return LookUp("user", by, str(name))


def profile(number: int, name: object, method: Method = Method.MERGE) -> ProfileUpsert:
    """Return a profile to be sent alone, which says its number."""
    identifiers = (Identifier("shop_id", str(name)),)
    return ProfileUpsert(Profile("shop", "customer", identifiers, attributes={"number": str(number)}), method)


def deletion(name: object) -> ProfileDeletion:
    """Return the deletion of a customer's profile."""
    return ProfileDeletion(Profile("shop", "customer", (Identifier("shop_id", str(name)),)))


def ticket(number: int) -> Ticket:
    """Return a ticket to be made."""
    return Ticket({"external_id": f"t-{number}", "subject": "s", "comment": {"body": "b"}})


def comment(number: int, name: object) -> TicketComment:
    """Return a comment on a ticket, which says its number."""
    return TicketComment(str(name), {"body": str(number)})


def event(number: int, name: object, kind: str = "shop_id") -> Event:
    """Return an event of a customer, which says its number."""
    whose = Profile("shop", "customer", (Identifier(kind, str(name)),))
    return Event(whose, "shop", "order_paid", {"number": number}, created_at="2026-11-01T10:00:00Z")


def work(number: int, what: Shipment, stream: str = "rows") -> Work:
    """Return a record that yields one thing."""
    line = json.dumps({"type": "RECORD", "number": number}).encode()
    return Work(line, stream, stream, matches=[Match("rule", what)], key_values={"number": number})


def house(plan: Sequence[Reply] = (), **others: Any) -> tuple[House, KindsZendesk]:
    """Return a house around a Zendesk of all kinds, and that."""
    built = House(plan, serve=KindsZendesk, **others)
    assert isinstance(built.zendesk, KindsZendesk)
    return built, built.zendesk

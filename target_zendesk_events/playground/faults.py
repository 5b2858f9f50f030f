"""What goes wrong on purpose: which requests meet a fault, and what the fault does to them."""

from __future__ import annotations

import json
import random
import re
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from .job_results import RESULTS, ResultsShape
from .jobs import FATES, Fate
from .refusals import SHAPES, Answer, Shape, code_of, shaped

Kind = Literal[
    "events", "reads", "profiles", "users", "objects", "jobs", "job_statuses", "tickets", "token", "me", "other"
]
KINDS: tuple[str, ...] = (*get_args(Kind), "any")
LONGEST_WAIT = 86_400
FARTHEST_RETRY = 1_000_000_000
"""Seconds, some thirty years either way: a date holds them."""
_IN_HEADER = re.compile(r"[ -~]*")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Which requests meet it: those of kind `on` (`events` are posts of events, `reads` are reads of events; `any`), with
    `event_type`, with a `method`, or whose body, query or ids in the path `contains` a text; of these the first `skip`
    pass, then each `every`-th, with `probability` (drawn from `seed`), `count` times at most (none: until it is taken
    away).

    What it does to them: waits `delay` seconds; answers `status` (none: the true answer) with `retry_after` seconds in
    its form (`seconds`, `date`, or given as text: just that), a body of shape `body` that says `message`, a `location`
    and `headers`; with `store` only after the request was served as usual; waits `answer_delay` seconds after that.
    `drop` closes the connection instead of answering, `before` or `after` the request was served, with a reset or,
    without `reset`, an orderly end. `dribble` is the seconds between the bytes of the answer's body. Of a job that is
    started, `job` is the fate, `failed_items` are those that fail, by place or text, saying `message`, and `results`
    the shape in which its items are told.
    """

    status: int | None = None
    count: int | None = 1
    on: str = "events"
    event_type: str | None = None
    contains: str | None = None
    method: str | None = None
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    delay: float = 0.0
    answer_delay: float = 0.0
    retry_after: float | str | None = None
    retry_after_form: Literal["seconds", "date"] = "seconds"
    body: Shape = "errors"
    message: str = "The playground was told to answer so"
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    store: bool = False
    drop: Literal["before", "after"] | None = None
    reset: bool = True
    dribble: float = 0.0
    job: Fate | None = None
    failed_items: list[int | str] = field(default_factory=list)
    results: ResultsShape = "entries"

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        wrong = [
            (self.on not in KINDS, f"on must be one of {', '.join(KINDS)}"),
            (self.body not in SHAPES, f"body must be one of {', '.join(SHAPES)}"),
            (self.drop not in {None, "before", "after"}, "drop must be before or after"),
            (self.job not in {None, *FATES}, f"job must be one of {', '.join(FATES)}"),
            (self.results not in RESULTS, f"results must be one of {', '.join(RESULTS)}"),
            (self.retry_after_form not in {"seconds", "date"}, "retry_after_form must be seconds or date"),
            (self.status is not None and not 200 <= self.status <= 599, "status must be from 200 to 599"),  # noqa: PLR2004
            (self.every < 1, "every must be 1 or more"),
            (not 0 <= self.probability <= 1, "probability must be from 0 to 1"),
            (self.skip < 0 or (self.count or 0) < 0, "skip and count must be 0 or more"),
            (
                not all(0 <= seconds <= LONGEST_WAIT for seconds in (self.delay, self.answer_delay, self.dribble)),
                f"delay, answer_delay and dribble must be seconds from 0 to {LONGEST_WAIT}",
            ),
            (
                not isinstance(self.retry_after, str) and not abs(self.retry_after or 0) <= FARTHEST_RETRY,
                f"retry_after must be seconds, {FARTHEST_RETRY} at most, or a text",
            ),
            (not all(map(_IN_HEADER.fullmatch, self._header_texts())), "headers must be of printable ASCII"),
        ]
        for is_wrong, sentence in wrong:
            if is_wrong:
                raise ValueError(sentence)

    def _header_texts(self) -> list[str]:
        retry_after = self.retry_after if isinstance(self.retry_after, str) else ""
        return [*self.headers.values(), self.location or "", retry_after]

    @property
    def serves(self) -> bool:
        """Whether the request is served before the fault shows."""
        return self.store or self.drop == "after" or (self.status is None and self.drop is None)

    def answer(self) -> Answer:
        """Return the answer that it gives in place of the true one."""
        status = self.status or 500
        plain = shaped(status, code_of(status), self.message, self.body)
        headers = {**plain.headers, **{name.lower(): value for name, value in self.headers.items()}}
        if self.location is not None:
            headers["location"] = self.location
        if self.retry_after is not None:
            headers["retry-after"] = self._retry_after()
        return Answer(plain.status, plain.body, headers)

    def _retry_after(self) -> str:
        if isinstance(self.retry_after, str):
            return self.retry_after
        seconds = self.retry_after or 0
        if self.retry_after_form == "date":
            return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)
        return f"{seconds:g}"


@dataclass
class Standing:
    """A fault that is set, and how often it was met."""

    number: int
    fault: Fault
    random: random.Random
    candidates: int = 0
    hits: int = 0

    def strikes(self) -> bool:
        """Whether it strikes the request at hand, which matches; counts it."""
        if self.fault.count is not None and self.hits >= self.fault.count:
            return False
        self.candidates += 1
        turn = self.candidates - self.fault.skip
        if turn < 1 or turn % self.fault.every or self.random.random() >= self.fault.probability:
            return False
        self.hits += 1
        return True


class Asked(NamedTuple):
    """What a fault looks at in a request: `values` are those of its path and of its query."""

    kind: Kind
    method: str
    values: tuple[str, ...]
    body: bytes


class Faults:
    """The faults that are set, in order: the first that strikes a request is the one it meets."""

    def __init__(self, faults: list[Fault] | None = None) -> None:
        """Start with `faults`; `reset` comes back to them."""
        self._first = list(faults or [])
        self._standing: list[Standing] = []
        self._issued = 0
        self._lock = threading.Lock()
        self.reset()

    def add(self, fault: Fault) -> int:
        """Set one more; returns its number."""
        with self._lock:
            self._issued += 1
            source = random.Random(fault.seed)  # noqa: S311 - repeatable chance, no secret
            self._standing = [*self._standing, Standing(self._issued, fault, source)]
            return self._issued

    def replace(self, faults: list[Fault]) -> None:
        """Take all away and set these."""
        self._standing = []
        for fault in faults:
            self.add(fault)

    def reset(self) -> None:
        """Come back to the faults of the start, with fresh counts."""
        self.replace(self._first)

    def take(self, asked: Asked) -> Standing | None:
        """Return the fault that a request meets, if any."""
        with self._lock:
            return next((one for one in self._standing if _matches(one.fault, asked) and one.strikes()), None)

    def shown(self) -> list[dict[str, Any]]:
        """Every fault that is set, with its number and how often it struck."""
        return [{"number": one.number, "hits": one.hits, **asdict(one.fault)} for one in self._standing]


def fault_from(content: object) -> Fault:
    """Return a fault from JSON; raises `ValueError` with a sentence for what is none."""
    names = {one.name for one in fields(Fault)}
    if not isinstance(content, dict):
        message = "a fault is an object"
        raise ValueError(message)  # noqa: TRY004 - the caller answers 400 to a ValueError
    if unknown := set(content) - names:
        message = f"a fault has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(names))}"
        raise ValueError(message)
    with suppress(TypeError):  # a value of the wrong kind, which is named below
        Fault(**content)
    try:
        return msgspec.convert(content, Fault)
    except msgspec.ValidationError as error:  # a ValueError only since msgspec 0.20
        raise ValueError(str(error)) from error


def _matches(fault: Fault, asked: Asked) -> bool:
    if fault.on not in {"any", asked.kind} or fault.method not in {None, asked.method}:
        return False
    if fault.contains is not None and not _contains(asked, fault.contains):
        return False
    return fault.event_type is None or _event_type(asked.body) == fault.event_type


def _contains(asked: Asked, text: str) -> bool:
    return text.encode() in asked.body or any(text in value for value in asked.values)


def _event_type(body: bytes) -> object:
    try:
        return json.loads(body)["event"]["type"]
    except (ValueError, KeyError, TypeError):
        return None

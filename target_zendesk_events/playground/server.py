"""Serving the playground: on a loopback port, in a thread of its own, until it is closed."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from .account import Account
from .belongings import Belongings
from .control import Control
from .customers import Customers
from .desk import Habits
from .faults import Fault, Faults
from .limits import SUPPORT_PLANS, RateLimit, limit_of
from .oauth import Credentials, OAuth
from .pages import Pages
from .reception import TRANSPORT, Pace, Reception
from .rooms import Rooms
from .store import Attempt, Store, StoredEvent, User
from .timeline import Timeline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from starlette.types import ASGIApp, Receive, Scope, Send
    from typing_extensions import Self

    from .routing import Bucket

HOST = "127.0.0.1"
OUTSIDE = ("/api/", "/oauth/")
PATIENCE_SECONDS = 10.0


class Playground:
    """A local Zendesk over real HTTP: `with Playground(plan="team") as playground: playground.url`."""

    def __init__(  # noqa: PLR0913 - every option has its name
        self,
        *,
        plan: str | None = None,
        requests_per_minute: int | None = None,
        support_requests_per_minute: int | None = None,
        window: float = 60.0,
        faults: Iterable[Fault] = (),
        delay: float = 0.0,
        credentials: Credentials | None = None,
        token_seconds: float | None = None,
        known_users: Iterable[str] | None = None,
        habits: Habits | None = None,
        database: str | Path | None = None,
        port: int = 0,
        job_seconds: float = 1.0,
        would_be_set_aside: list[str] | None = None,
    ) -> None:
        """Set it up; nothing is opened before it is entered.

        `plan` or `requests_per_minute` and `support_requests_per_minute` set the limits of events and of Support's API
        (none: unlimited), counted in any `window` seconds; `plan` also how many custom objects there may be; every
        answer takes `delay` seconds, a job `job_seconds`; with `credentials` no others are accepted; access tokens live
        `token_seconds` (none: as asked for, else 30 minutes); user ids are believed, or, given `known_users`, only
        those; `habits` are what the documents leave open; `database` keeps what it received beyond its end; `port` 0 is
        any free port. With `would_be_set_aside`, a sentence for each reason, its pages are those of a preview.
        """
        self._limits: dict[Bucket, RateLimit] = {
            "events": RateLimit(limit_of(plan, requests_per_minute), window),
            "support": RateLimit(limit_of(plan, support_requests_per_minute, SUPPORT_PLANS), window),
        }
        self._window = window
        self._plan = plan
        self._job_seconds = job_seconds
        self._faults = Faults(list(faults))
        self._pace = Pace(delay)
        self._oauth = OAuth(credentials, token_seconds)
        self._known_users = None if known_users is None else frozenset(known_users)
        self._habits = habits or Habits()
        self._database = database
        self._port = port
        self._would_be_set_aside = would_be_set_aside
        self._is_open = False

    def __enter__(self) -> Self:
        """Start serving, unless it is open; returns once it answers."""
        return self if self._is_open else self.open()

    def open(self) -> Self:
        """Start serving; returns once it answers. Raises `OSError` if the port is taken."""
        self._socket = _listen(self._port)
        self._port = self._socket.getsockname()[1]
        try:
            self._store = Store(self._database)
        except BaseException:
            self._socket.close()
            raise
        self._customers = Customers(self._store, self._known_users)
        self._rooms = Rooms(
            self._store, self._customers, self._oauth, plan=self._plan, habits=self._habits, window=self._window
        )
        self._rooms.jobs.seconds = self._job_seconds
        self._server = uvicorn.Server(_config(self._application()))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="playground", daemon=True)
        self._thread.start()
        self._wait_until_it_serves()
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop serving; requests under way are cut off."""
        self.close()

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port that it serves on."""
        return self._port

    def events(self) -> list[StoredEvent]:
        """Every event on a timeline, in the order of storing."""
        return self._store.events()

    def requests(self) -> list[Attempt]:
        """Every request that arrived, in the order of arrival, refused and dropped ones too."""
        return self._store.requests()

    def users(self) -> list[User]:
        """Every customer, oldest first."""
        return self._customers.everyone()

    def records(self) -> list[dict[str, Any]]:
        """Every record of every custom object, in the order of making."""
        return self._rooms.held_records()

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that was started, with its object, action and items."""
        return self._rooms.held_jobs()

    def tickets(self) -> list[dict[str, Any]]:
        """Every ticket, with its comments; not those that were deleted."""
        return self._rooms.held_tickets()

    def receive(self, method: str, path: str, body: bytes, note: str = "") -> int:
        """Serve a request that came over no wire, whatever the limits; its event bears `note`. Returns its status."""
        return self._reception.receive(method, path, body, note)

    def faults(self) -> list[dict[str, Any]]:
        """Every fault that is set, with its number and `hits`."""
        return self._faults.shown()

    def set_faults(self, *faults: Fault) -> None:
        """Set these faults and no others."""
        self._faults.replace(list(faults))

    def set_limit(self, requests_per_minute: int | None, bucket: Bucket = "events") -> None:
        """Change the limit of events, or of `support`; none or 0 takes it away."""
        self._limits[bucket].limit = requests_per_minute or 0

    def set_job_seconds(self, seconds: float) -> None:
        """Change how long jobs take that are started from now on."""
        self._rooms.jobs.seconds = seconds

    def set_delay(self, seconds: float) -> None:
        """Change how long every answer takes."""
        self._pace.delay = seconds

    def clear(self) -> None:
        """Forget what was received, tokens and the limit's window too; come back to the faults of the start."""
        self._store.clear()
        for limit in self._limits.values():
            limit.clear()
        self._rooms.clear()
        self._oauth.clear()
        self._faults.reset()

    def close(self) -> None:
        """Stop serving and close the database."""
        if not self._is_open:
            return
        self._is_open = False
        self._server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)
        self._socket.close()
        self._store.close()

    def _application(self) -> ASGIApp:
        self._reception = reception = Reception(
            table=self._rooms.routes(),
            store=self._store,
            oauth=self._oauth,
            limits=self._limits,
            faults=self._faults,
            pace=self._pace,
            advance=self._rooms.jobs.advance,
        )
        control = Control(self._store, self._customers, self._rooms, self._faults, self.clear)
        pages = Pages(self._store, self._would_be_set_aside)
        belongings = Belongings(self._store, self._rooms.objects)
        timeline = Timeline(self._store, self._customers, belongings, pages)
        account = Account(self._store, self._limits, self._rooms, pages)
        inside = Starlette(
            routes=[*control.routes(), *pages.routes(), *timeline.routes(), *account.routes()],
            # a foreign site that gives its own name this machine's address must not read customers' values
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
        )

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            outside = scope["type"] == "http" and scope["path"].startswith(OUTSIDE)
            if not outside:
                self._rooms.jobs.advance()
            await (reception if outside else inside)(scope, receive, send)

        return application

    def _wait_until_it_serves(self) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > ends:
                message = f"the playground could not serve on {self.url}"
                raise RuntimeError(message)
            time.sleep(0.001)


class _Protocol(H11Protocol):
    """HTTP as uvicorn speaks it, with the connection at hand for those who must cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


def _listen(port: int) -> socket.socket:
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # named, or asyncio leaves Nagle on
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=0,
        backlog=2048,
    )

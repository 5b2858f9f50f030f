"""The playground's own paths: what was received, which faults are set, and starting afresh."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .checks import read_json
from .faults import Fault, fault_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from .customers import Customers
    from .faults import Faults
    from .rooms import Rooms
    from .store import Store


class Control:
    """Answers whoever runs the playground; nothing here is noted or counts against a limit."""

    def __init__(
        self, store: Store, customers: Customers, rooms: Rooms, faults: Faults, clear: Callable[[], None]
    ) -> None:
        """Tell of what `store` and `rooms` hold; `clear` starts afresh."""
        self._rooms = rooms
        self._store = store
        self._customers = customers
        self._faults = faults
        self._clear = clear

    def routes(self) -> list[Route]:
        """Return the paths, with what each does."""
        return [
            Route("/playground", self.clear, methods=["DELETE"]),
            Route("/playground/events", self.events),
            Route("/playground/requests", self.requests),
            Route("/playground/users", self.users),
            Route("/playground/records", self.records),
            Route("/playground/jobs", self.jobs),
            Route("/playground/tickets", self.tickets),
            Route("/playground/faults", self.show_faults),
            Route("/playground/faults", self.add_faults, methods=["POST"]),
            Route("/playground/faults", self.replace_faults, methods=["PUT"]),
            Route("/playground/faults", self.remove_faults, methods=["DELETE"]),
        ]

    async def events(self, _request: Request) -> Response:
        """Every event on a timeline, in the order of storing."""
        return JSONResponse({"events": [asdict(event) for event in self._store.events()]})

    async def requests(self, _request: Request) -> Response:
        """Every request, in the order of arrival."""
        return JSONResponse({"requests": [asdict(attempt) for attempt in self._store.requests()]})

    async def users(self, _request: Request) -> Response:
        """Every customer."""
        return JSONResponse({"users": [asdict(user) for user in self._customers.everyone()]})

    async def records(self, _request: Request) -> Response:
        """Every record of every custom object."""
        return JSONResponse({"records": self._rooms.held_records()})

    async def jobs(self, _request: Request) -> Response:
        """Every job."""
        return JSONResponse({"jobs": self._rooms.held_jobs()})

    async def tickets(self, _request: Request) -> Response:
        """Every ticket, with its comments."""
        return JSONResponse({"tickets": self._rooms.held_tickets()})

    async def clear(self, _request: Request) -> Response:
        """Forget what was received, and come back to the faults of the start."""
        self._clear()
        return Response(status_code=204)

    async def show_faults(self, _request: Request) -> Response:
        """Show the faults that are set, and how often each struck."""
        return JSONResponse({"faults": self._faults.shown()})

    async def add_faults(self, request: Request) -> Response:
        """Set one fault, or a list of them, beside those that are set."""
        return await self._set(request, self._add)

    async def replace_faults(self, request: Request) -> Response:
        """Set these faults and no others."""
        return await self._set(request, self._faults.replace)

    async def remove_faults(self, _request: Request) -> Response:
        """Take every fault away."""
        self._faults.replace([])
        return Response(status_code=204)

    def _add(self, faults: list[Fault]) -> None:
        for fault in faults:
            self._faults.add(fault)

    async def _set(self, request: Request, act: Callable[[list[Fault]], None]) -> Response:
        try:
            content = read_json(await request.body())
            faults = [fault_from(one) for one in (content if isinstance(content, list) else [content])]
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        act(faults)
        return JSONResponse({"faults": self._faults.shown()}, 201)

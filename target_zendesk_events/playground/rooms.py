"""The rooms behind the reception, put together: who serves what, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import api
from .custom_objects import CustomObjects
from .desk import Desk, Habits
from .idempotency import IdempotencyKeys
from .job_desk import JobDesk
from .jobs import Jobs
from .object_desk import ObjectDesk
from .object_records import ObjectRecords
from .ticket_desk import TicketDesk
from .ticket_limits import TicketLimits
from .tickets import Tickets
from .users import UserDesk

if TYPE_CHECKING:
    from .customers import Customers
    from .oauth import OAuth
    from .routing import Route
    from .store import Store


class Rooms:
    """What Zendesk keeps beside events and profiles, and every path that leads to any of it."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that has a say
        self, store: Store, customers: Customers, oauth: OAuth, *, plan: str | None, habits: Habits, window: float
    ) -> None:
        """Keep all of it in `store`."""
        self.objects = CustomObjects(store, plan)
        self.records = ObjectRecords(store, self.objects, customers)
        self.jobs = Jobs(store, self.objects, self.records)
        self.tickets = Tickets(store, customers)
        self._ticket_limits = TicketLimits(window)
        self._desks = (
            UserDesk(store, customers, habits.search_delay),
            ObjectDesk(self.objects, self.records),
            JobDesk(self.objects, self.jobs),
            TicketDesk(self.tickets, IdempotencyKeys(store), self._ticket_limits),
        )
        self._events = api.routes(Desk(store, customers, habits), oauth)

    def routes(self) -> list[Route]:
        """Every documented verb and path."""
        return [*self._events, *(route for desk in self._desks for route in desk.routes())]

    def held_records(self) -> list[dict[str, Any]]:
        """Every record of every object, in the order of making."""
        self.jobs.advance()
        return self.records.everything()

    def held_tickets(self) -> list[dict[str, Any]]:
        """Every ticket that was not deleted, with its comments, in the order of making."""
        return [{**one, "comments": self.tickets.comments(one["id"])} for one in self.tickets.all(None, 1, -1)[0]]

    def held_jobs(self) -> list[dict[str, Any]]:
        """Every job that was started, also one that its client is not told of any more."""
        self.jobs.advance()
        return self.jobs.everything()

    def clear(self) -> None:
        """Let limits start afresh."""
        self._ticket_limits.clear()

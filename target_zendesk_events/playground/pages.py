"""How a page goes out: from a template, from here alone, and again only where something has changed."""

from __future__ import annotations

import secrets
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from .words import seen, when, zone

if TYPE_CHECKING:
    from starlette.requests import Request

    from .store import Store

TEMPLATES = Path(__file__).with_name("templates")
ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    "; object-src 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
WORDS_SECONDS = 30
"""So long a page's words on time may be shown."""


class Pages:
    """The templates, filled; a browser that has a page already is told so."""

    def __init__(self, store: Store, would_be_set_aside: list[str] | None) -> None:
        """Show pages that change when `store` does; of a preview, also a sentence for each reason to set aside."""
        self._store = store
        self._born = secrets.token_hex(4)
        self._templates = Jinja2Templates(directory=TEMPLATES)
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True
        self._templates.env.globals |= {
            "is_preview": would_be_set_aside is not None,
            "would_be_set_aside": would_be_set_aside,
            "zone": zone,
        }
        self._templates.env.filters |= {"when": when, "moment": seen, "counted": counted}
        self._templates.env.tests["link"] = is_link

    def routes(self) -> list[Route]:
        """Return what every page needs: style, script, picture."""
        return [Route("/assets/{name}", self.asset)]

    async def asset(self, request: Request) -> Response:
        """Give one of the files beside the templates."""
        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404)
        return FileResponse(TEMPLATES / name, media_type=ASSETS[name], headers=HEADERS)

    def has(self, request: Request) -> bool:
        """Whether the browser holds this page as it is now."""
        return request.headers.get("if-none-match") == self._mark(request)

    def unchanged(self, request: Request) -> Response:
        """Say that the page is as the browser holds it."""
        return Response(status_code=304, headers={**HEADERS, "ETag": self._mark(request)})

    def filled(self, request: Request, template: str, context: dict[str, Any]) -> Response:
        """Return a page."""
        headers = {**HEADERS, "ETag": self._mark(request)}
        return self._templates.TemplateResponse(request, template, context, headers=headers)

    def _mark(self, request: Request) -> str:
        """Return a mark of a page, another one whenever it may look otherwise."""
        which = zlib.crc32(str(request.url).encode())
        return f'"{self._born}-{which:x}-{self._store.changes}-{int(time.time() // WORDS_SECONDS)}"'


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 event`, `1,200 events`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def is_link(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether Zendesk shows a nested object as a link: it has a display name and an address of the web."""
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        return False
    return isinstance(value.get("display_name"), str) and value["url"].startswith(("https://", "http://"))

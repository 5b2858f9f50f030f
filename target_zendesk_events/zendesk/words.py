"""What Zendesk says of a refusal, in any of the shapes that its answers were seen to have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_MESSAGE_LENGTH = 1_000


def read_words(body: bytes, content_type: str) -> tuple[str, str]:
    """Return code and message of any of the error shapes seen: JSON of several kinds, HTML, plain text, nothing."""
    content = document(body)
    if isinstance(content, dict):
        code, message = _words_of(content)
    else:
        code, message = "", _text(body, content_type)
    return code, _encodable(" ".join(message.split())[:MAX_MESSAGE_LENGTH])


def document(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value that a body holds; None where it holds none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _encodable(text: str) -> str:
    """Replace half characters, which JSON can escape and no file can hold, as where an emoji was cut in two."""
    return text.encode(errors="replace").decode()


def _words_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Read `{"errors": [...]}`, `{"error": [...]}`, `{"error": {...}}` and `{"error": "...", ...}`."""
    nested = document.get("errors") or document.get("error")
    faults = nested if isinstance(nested, list) else [nested] if isinstance(nested, dict) else []
    pairs = [_code_and_message(one if isinstance(one, dict) else {"message": one}) for one in [*faults, document]]
    code = next((code for code, _ in pairs if code), "")
    return code, "; ".join([*(message for _, message in pairs if message), *_of_fields(document.get("details"))])


def _of_fields(details: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """Read `{"priority": [{"description": "..."}]}`: what is wrong with which field."""
    if not isinstance(details, dict):
        return []
    listed = [
        (name, fault) for name, faults in details.items() for fault in (faults if isinstance(faults, list) else [])
    ]
    said = [(name, _code_and_message(fault)[1]) for name, fault in listed if isinstance(fault, dict)]
    return [f"{name}: {message}" for name, message in said if message]


def _code_and_message(fault: Mapping[str, Any]) -> tuple[str, str]:
    code = next((fault[key] for key in ("code", "error") if _is_code(fault.get(key))), "")
    words = [fault.get(key) for key in ("error", "title", "message", "description", "error_description", "detail")]
    return code, ": ".join(dict.fromkeys(word for word in words if isinstance(word, str) and word and word != code))


def _is_code(text: object) -> bool:
    """Say whether a text is a code and no sentence: only codes may be logged."""
    return isinstance(text, str) and _CODE.fullmatch(text) is not None


_CODE = re.compile(r"[A-Za-z][A-Za-z_]{2,63}")


def _text(body: bytes, content_type: str) -> str:
    text = body.decode("utf-8", errors="replace")
    if "html" not in content_type.lower():
        return text
    title = _TITLE.search(text)
    return f"a web page: {title[1]}" if title else "a web page"


_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)

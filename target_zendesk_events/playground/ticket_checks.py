"""Whether what was sent is a ticket that Zendesk takes: every rule for a field of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .checks import instant

if TYPE_CHECKING:
    from collections.abc import Callable

CHOICES = {
    "priority": ("urgent", "high", "normal", "low"),
    "type": ("problem", "incident", "question", "task"),
    "status": ("new", "open", "pending", "hold", "solved", "closed"),
}
TEXTS = ("subject", "external_id", "recipient")
NUMBERS = ("assignee_id", "group_id", "organization_id", "brand_id", "problem_id", "ticket_form_id", "submitter_id")
KEPT = ("subject", *CHOICES, "tags", "custom_fields", "recipient", "due_at", *NUMBERS)
"""What is kept of a ticket beside its external id, its requester and its comments; the rest is passed over."""
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+")


@dataclass(frozen=True)
class Requester:
    """Who asks: a user by id, or an address with the name that a new user gets."""

    user_id: int | None
    email: str | None
    name: str | None


def faults_of(sent: dict[str, Any], knows: Callable[[str], bool], *, is_new: bool) -> dict[str, str]:
    """Return what is wrong with a ticket that was sent, a sentence for each field."""
    checks = {
        **dict.fromkeys(CHOICES, _choice_fault),
        **dict.fromkeys(TEXTS, _text_fault),
        **dict.fromkeys(NUMBERS, _number_fault),
        "tags": _tags_fault,
        "custom_fields": _custom_fields_fault,
        "due_at": _due_fault,
    }
    faults = {
        name: f"{_title(name)}: {fault}"
        for name, check in checks.items()
        if sent.get(name) is not None and (fault := check(name, sent[name]))
    }
    comment = sent.get("comment")
    if (is_new or "comment" in sent) and (fault := _comment_fault(comment, knows)):
        faults["comment"] = f"Comment: {fault}"
    if fault := _requester_fault(sent, knows):
        faults["requester"] = f"Requester: {fault}"
    return faults


def requester_of(sent: dict[str, Any]) -> Requester | None:
    """Return who asks, of a ticket without faults; none where it does not say."""
    if sent.get("requester_id") is not None:
        return Requester(sent["requester_id"], None, None)
    whose = sent.get("requester")
    return Requester(None, whose["email"], whose.get("name") or None) if whose else None


def _choice_fault(name: str, value: object) -> str | None:
    return None if value in CHOICES[name] else f"must be one of {', '.join(CHOICES[name])}"


def _text_fault(_name: str, value: object) -> str | None:
    return None if isinstance(value, str) else "must be text"


def _number_fault(_name: str, value: object) -> str | None:
    return None if _is_number(value) else "must be a whole number"


def _tags_fault(_name: str, value: object) -> str | None:
    is_list = isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)
    return None if is_list else "must be a list of texts"


def _custom_fields_fault(_name: str, value: object) -> str | None:
    if not isinstance(value, list) or not all(isinstance(one, dict) and "value" in one for one in value):
        return "must be a list of objects with id and value"
    return None if all(_is_number(one.get("id")) for one in value) else "each id must be a whole number"


def _due_fault(_name: str, value: object) -> str | None:
    return None if isinstance(value, str) and instant(value) else "must be an ISO-8601 date-time"


def _comment_fault(comment: object, knows: Callable[[str], bool]) -> str | None:
    if not isinstance(comment, dict):
        return "is required and must be an object with a body"
    body = comment.get("html_body", comment.get("body"))
    if not isinstance(body, str) or not body.strip():
        return "the body cannot be blank"
    if not isinstance(comment.get("public", True), bool):
        return "public must be true or false"
    author = comment.get("author_id")
    return None if author is None or (_is_number(author) and knows(str(author))) else "there is no such author"


def _requester_fault(sent: dict[str, Any], knows: Callable[[str], bool]) -> str | None:
    user_id, whose = sent.get("requester_id"), sent.get("requester")
    if user_id is not None and whose is not None:
        return "give requester or requester_id, and not both"
    if user_id is not None:
        return None if _is_number(user_id) and knows(str(user_id)) else "there is no such user"
    if whose is None:
        return None
    if not isinstance(whose, dict):
        return "must be an object with email and name"
    email, name = whose.get("email"), whose.get("name")
    if not isinstance(email, str) or not _ADDRESS.fullmatch(email):
        return "email must be an e-mail address"
    return None if name is None or isinstance(name, str) else "name must be text"


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _title(name: str) -> str:
    return name.capitalize().replace("_", " ")

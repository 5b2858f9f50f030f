"""Who the customer is: profiles and users, found, merged and created as Zendesk documents it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import Any

from .checks import MOST_IDENTIFIERS, STANDARD, Identifier, Profile, Query
from .limits import PROFILES_A_PERSON, SOURCES, TYPES
from .refusals import Refusal
from .store import Store, User, wall_clock

FIRST_USER = 360_000_000_001
LONGEST_USER_ID = 18
"""Digits that SQLite's integers are sure to hold."""
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NAMES = {
    "email": "{}",
    "external_id": "User {}",
    "phone_number": "User {}",
    "twitter": "Twitter user {}",
    "facebook": "Facebook user {}",
    "sdk": "SDK user {}",
}


class Customers:
    """Every customer that the playground knows."""

    def __init__(self, store: Store, known_users: frozenset[str] | None = None) -> None:
        """Believe in `known_users` beside those that events created; without it, in every user id that is a number."""
        self._store = store
        self._known_users = known_users

    def user(self, user_id: str) -> int | None:
        """Return the user of that id, if there is one."""
        if not user_id.isascii() or not user_id.isdigit() or len(user_id) > LONGEST_USER_ID:
            return None
        number = int(user_id)
        believed = self._known_users is None or user_id in self._known_users
        return number if believed or self._store.value("SELECT 1 FROM users WHERE id = ?", number) else None

    def knows(self, user_id: str) -> bool:
        """Whether there is such a user to refer to: one that was made, or that is said to be there."""
        number = self.user(user_id)
        made = number is not None and self._store.value("SELECT 1 FROM users WHERE id = ?", number)
        return bool(made) or user_id in (self._known_users or ())

    def of_address(self, email: str) -> int | None:
        """Return the user of an e-mail address, if there is one."""
        found = self._store.value("SELECT user_id FROM identities WHERE type = 'email' AND value = ?", email.lower())
        return None if found is None else int(found)

    def admit(self, email: str, name: str) -> int:
        """Make a user of a name and an address that nobody has."""
        user = self._ensure_user(None, name)
        sql = "INSERT INTO identities (type, value, user_id) VALUES ('email', ?, ?)"
        self._store.run(sql, email.lower(), user)
        return user

    def profile(self, profile_id: str) -> dict[str, Any] | None:
        """Return the profile of that id, as Zendesk shows it."""
        row = self._store.row("SELECT * FROM profiles WHERE id = ?", profile_id)
        if row is None:
            return None
        identifiers = self._identifiers(profile_id)
        return {
            "id": row["id"],
            "user_id": str(row["user_id"]),
            "name": row["name"] or shown_name(identifiers),
            "source": row["source"],
            "type": row["type"],
            "identifiers": [{"type": one.type, "value": one.value} for one in identifiers],
            "attributes": json.loads(row["attributes"]),
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }

    def find(self, query: Query) -> str | None:
        """Return the id of the profile that an identifier query names."""
        return self._holder(query.source, query.type, query.identifier)

    def profiles_of(self, user_id: int) -> list[dict[str, Any]]:
        """Return a user's profiles, oldest first."""
        rows = self._store.rows("SELECT id FROM profiles WHERE user_id = ? ORDER BY number", user_id)
        return [profile for row in rows if (profile := self.profile(row["id"]))]

    def user_of(self, profile_id: str) -> int:
        """Return the user that a profile belongs to."""
        return int(self._store.value("SELECT user_id FROM profiles WHERE id = ?", profile_id))

    def recognise(self, sent: Profile, user: int | None = None) -> str:
        """Return the id of the one profile that `sent` means, with its identifiers added; created if missing."""
        profile_id, user = self._match(sent, user)
        if profile_id is None:
            return self._create(sent, user)
        self.merge(profile_id, sent)
        return profile_id

    def merge(self, profile_id: str, sent: Profile) -> None:
        """Add what `sent` has to a profile: its identifiers, its name, its attributes; nothing is taken away."""
        held = self._identifiers(profile_id)
        new = [one for one in sent.identifiers if one not in held]
        self._check_owners(replace(sent, identifiers=tuple(new)), profile_id)
        if new:
            _check_number(len(held) + len(new))
            self._add(profile_id, sent, new)
        if new or sent.name is not None or sent.attributes is not None:
            self._store.run(
                "UPDATE profiles SET name = coalesce(?, name), attributes = json_patch(attributes, ?), updated_at = ?"
                " WHERE id = ?",
                *(sent.name, json.dumps(sent.attributes or {}), wall_clock(), profile_id),
            )

    def put(self, sent: Profile, query: Query) -> tuple[str, bool]:
        """Replace the profile that `query` names, or create it; returns its id and whether it is new."""
        profile_id = self.find(query)
        if profile_id is None:
            before = self._match(sent, None)[0]
            if before is None:
                return self.recognise(sent), True
            profile_id = before
        self._check_owners(sent, profile_id)
        self._store.run("DELETE FROM identifiers WHERE profile_id = ?", profile_id)
        self._add(profile_id, sent, list(sent.identifiers))
        self._store.run(
            "UPDATE profiles SET name = ?, attributes = ?, updated_at = ? WHERE id = ?",
            *(sent.name, json.dumps(sent.attributes or {}), wall_clock(), profile_id),
        )
        return profile_id, False

    def delete(self, profile_id: str) -> bool:
        """Forget a profile and all of its events; the user stays. False if there is no such profile."""
        if self.profile(profile_id) is None:
            return False
        self._store.run("DELETE FROM events WHERE profile_id = ?", profile_id)
        self._store.run("DELETE FROM identifiers WHERE profile_id = ?", profile_id)
        self._store.run("DELETE FROM profiles WHERE id = ?", profile_id)
        return True

    def everyone(self) -> list[User]:
        """Every user, oldest first, with what was written onto it."""
        return [self.shown(row["id"]) for row in self._store.rows("SELECT id FROM users ORDER BY created_at, id")]

    def shown(self, user_id: int) -> User:
        """Return a user as an agent sees it."""
        rows = self._store.rows("SELECT type, value FROM identities WHERE user_id = ? ORDER BY type, value", user_id)
        profiles = self.profiles_of(user_id)
        name = self._store.value("SELECT name FROM users WHERE id = ?", user_id)
        fallback = profiles[0]["name"] if profiles else f"User {user_id}"
        return User(str(user_id), name or fallback, [dict(row) for row in rows], profiles)

    def _match(self, sent: Profile, user: int | None) -> tuple[str | None, int | None]:
        """Return the profile, if there is one, and the user, if one is known; refuses where there are several."""
        profiles = {found for one in sent.identifiers if (found := self._holder(sent.source, sent.type, one))}
        users = {self.user_of(profile_id) for profile_id in profiles} | self._owners(sent)
        users |= {user} if user is not None else set()
        if sent.user_id is not None:
            users.add(self._claimed(sent.user_id))
        if len(profiles) > 1:
            raise Refusal(400, "IdentifiersMatchMultipleProfiles", "The identifiers belong to more than one profile")
        if len(users) > 1:
            raise Refusal(400, "IdentifiersMatchMultipleUsers", "The identifiers belong to more than one user")
        found_user = next(iter(users), None)
        if profiles or found_user is None:
            return next(iter(profiles), None), found_user
        sql = "SELECT id FROM profiles WHERE user_id = ? AND source = ? AND type = ?"
        return self._store.value(sql, found_user, sent.source, sent.type), found_user

    def _claimed(self, user_id: str) -> int:
        number = self.user(user_id)
        if number is None:
            raise Refusal(400, "UserNotFound", "profile.user_id names no user")
        return number

    def _check_owners(self, sent: Profile, profile_id: str) -> None:
        found, _ = self._match(sent, self.user_of(profile_id))
        if found not in {None, profile_id}:
            raise Refusal(400, "IdentifiersMatchMultipleProfiles", "The identifiers belong to more than one profile")

    def _create(self, sent: Profile, user: int | None) -> str:
        self._check_room(sent, user)
        user_id = self._ensure_user(user, sent.name)
        profile_id, now = new_id(), wall_clock()
        self._store.run(
            "INSERT INTO profiles (id, user_id, source, type, name, attributes, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(profile_id, user_id, sent.source, sent.type, sent.name, json.dumps(sent.attributes or {}), now, now),
        )
        self._add(profile_id, sent, list(sent.identifiers))
        return profile_id

    def _check_room(self, sent: Profile, user: int | None) -> None:
        store = self._store
        if (
            user is not None
            and store.value("SELECT count(*) FROM profiles WHERE user_id = ?", user) >= PROFILES_A_PERSON
        ):
            raise Refusal(400, "TooManyProfiles", f"A person has at most {PROFILES_A_PERSON} profiles")
        check_room(store, "profiles", sent.source, sent.type)

    def _ensure_user(self, user: int | None, name: str | None) -> int:
        if user is None:
            user = self._store.value("SELECT max(id) + 1 FROM users WHERE id >= ?", FIRST_USER) or FIRST_USER
        self._store.run("INSERT OR IGNORE INTO users (id, name, created_at) VALUES (?, ?, ?)", user, name, wall_clock())
        return int(user)

    def _add(self, profile_id: str, sent: Profile, identifiers: list[Identifier]) -> None:
        user = self.user_of(profile_id)
        for one in identifiers:
            self._store.run(
                "INSERT INTO identifiers (profile_id, source, profile_type, type, value) VALUES (?, ?, ?, ?, ?)",
                *(profile_id, sent.source, sent.type, one.type, one.value),
            )
            if one.is_standard:
                sql = "INSERT OR IGNORE INTO identities (type, value, user_id) VALUES (?, ?, ?)"
                self._store.run(sql, one.type, one.value, user)

    def _holder(self, source: str, kind: str, one: Identifier) -> str | None:
        sql = "SELECT profile_id FROM identifiers WHERE source = ? AND profile_type = ? AND type = ? AND value = ?"
        found = self._store.value(sql, source, kind, one.type, one.value)
        return str(found) if found else None

    def _owners(self, sent: Profile) -> set[int]:
        sql = "SELECT user_id FROM identities WHERE type = ? AND value = ?"
        found = (self._store.value(sql, one.type, one.value) for one in sent.identifiers if one.is_standard)
        return {int(user) for user in found if user is not None}

    def _identifiers(self, profile_id: str) -> list[Identifier]:
        rows = self._store.rows("SELECT type, value FROM identifiers WHERE profile_id = ? ORDER BY number", profile_id)
        return [Identifier(row["type"], row["value"]) for row in rows]


def shown_name(identifiers: list[Identifier]) -> str:
    """Return the name shown for a profile without one: by a standard identifier, in Zendesk's order, else the first."""
    for kind in STANDARD:
        for one in identifiers:
            if one.type == kind:
                return _NAMES[kind].format(one.value)
    return f"{identifiers[0].type} user {identifiers[0].value}" if identifiers else ""


def check_room(store: Store, table: str, source: str, kind: str) -> None:
    """Refuse a source or a type beyond those that an account may have; `table` is events or profiles."""
    noun = table[:-1].capitalize()
    for column, value, most in (("source", source, SOURCES), ("type", kind, TYPES)):
        if store.value(f"SELECT 1 FROM {table} WHERE {column} = ?", value):  # noqa: S608 - the names are ours
            continue
        if store.value(f"SELECT count(DISTINCT {column}) FROM {table}") >= most:  # noqa: S608
            code = f"TooMany{noun}{column.capitalize()}s"
            raise Refusal(400, code, f"An account has at most {most} different {noun.lower()} {column}s")


def new_id() -> str:
    """Return an id in the manner of Zendesk: 26 characters, the later the greater (ULID)."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def _check_number(number: int) -> None:
    if number > MOST_IDENTIFIERS:
        raise Refusal(400, "TooManyIdentifiers", f"A profile has at most {MOST_IDENTIFIERS} identifiers")

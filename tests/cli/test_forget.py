"""`zendesk-events forget`: a person is gone from Zendesk, and no record brings them back until that is lifted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import forked
import pytest
import support

from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground

pytestmark = pytest.mark.slow

VERBS = [sys.executable, "-c", "from target_zendesk_events.cli import main; main()"]
PERSON = "shop:customer:email:customer-1@example.com"
EMAIL = "customer-1@example.com"
REFUSAL = Fault(status=400, count=None)


class Shop:
    """A pipeline with three customers, its target's ledger, and a Zendesk."""

    def __init__(self, playground: Playground, folder: Path, **settings: Any) -> None:
        """Configure it."""
        self.playground = playground
        self.folder = folder
        self.settings = support.config(playground.url, folder, **settings)
        (folder / "config.json").write_text(json.dumps(self.settings))

    @property
    def tap(self) -> list[dict[str, Any]]:
        """What the tap sends each time: two orders of each customer, the person's second by their number alone."""
        orders = [support.record("orders", number, customer_id=number) for number in (1, 2, 3)]
        more = [
            support.record(
                "orders", 10 + number, customer_id=number, email=None if number == 1 else "other@example.com"
            )
            for number in (1, 2)
        ]
        return [support.schema("orders"), *orders, more[0]]

    def run(self, *messages: dict[str, Any]) -> dict[str, int]:
        """Run the target; return its sums."""
        given = support.lines(messages or self.tap)
        ended, said = support.run_process(self.settings, given, self.folder)
        assert ended.exit_code == 0, said
        totals: dict[str, int] = ended.report["totals"]
        assert totals["events"] == sum(
            totals[name] for name in ("delivered", "duplicate", "forgotten", "rejected", "held", "undelivered")
        )
        return totals

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a verb."""
        return [*VERBS, arguments[0], "--config", str(self.folder / "config.json"), *arguments[1:]]

    def verb(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a verb."""
        return forked.run(
            self.command(*arguments), input=given, capture_output=True, check=False, cwd=self.folder, timeout=60
        )

    def forget(self, identifier: str = PERSON, *options: str) -> str:
        """Forget somebody; return what was said."""
        done = self.verb("forget", identifier, *(options or ("--yes",)))
        assert done.returncode == 0, done.stderr.decode()
        return done.stderr.decode()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the orders on timelines."""
        return sorted(one.body["event"]["properties"]["number"] for one in self.playground.events())


@pytest.fixture
def shop(playground: Playground, tmp_path: Path) -> Shop:
    return Shop(playground, tmp_path)


@pytest.fixture
def any_shop(playground: Playground, tmp_path: Path, ledger_url: str) -> Shop:
    """One with its ledger in SQLite, and one in PostgreSQL."""
    return Shop(playground, tmp_path, ledger_url=ledger_url)


def test_nothing_brings_a_forgotten_person_back(any_shop: Shop) -> None:
    """By none of the profile's identifiers; others' events go on; lifted, what the tap sends again comes again."""
    shop = any_shop
    assert shop.run()["delivered"] == 4
    said = shop.forget()
    assert "customer-1@example.com (shop, customer): 2 events" in said
    assert "shop_customer_id 1" in said
    assert shop.numbers == [2, 3]
    totals = shop.run(*shop.tap, support.record("orders", 20, email="customer-2@example.com"))
    assert (totals["forgotten"], totals["duplicate"], totals["delivered"]) == (2, 2, 1)
    assert shop.numbers == [2, 3, 20]
    again = shop.run()
    assert (again["forgotten"], again["duplicate"]) == (2, 2)
    assert b"2 forgotten" in shop.verb("preview", given=support.lines(shop.tap)).stdout
    assert "3 identifiers may be sent again" in shop.forget("shop:customer:shop_customer_id:1", "--allow-again")
    back = shop.run()
    assert (back["delivered"], back["duplicate"], back["forgotten"]) == (2, 2, 0)
    assert shop.numbers == [1, 2, 3, 11, 20]
    assert shop.run()["duplicate"] == 4
    assert shop.verb("forget", PERSON, "--allow-again").returncode == 1


def test_lifted_at_once_it_comes_back_too(any_shop: Shop) -> None:
    """What was deleted with the profile does not count as delivered any more; what came since does."""
    shop = any_shop
    shop.run()
    shop.forget()
    shop.forget(PERSON, "--allow-again")
    assert (shop.run()["delivered"], shop.numbers) == (2, [1, 2, 3, 11])
    assert (shop.run()["delivered"], shop.numbers) == (0, [1, 2, 3, 11])


@pytest.mark.parametrize(
    ("kind", "forgotten", "sent"),
    [
        ("email", "Customer-1@EXAMPLE.com", " customer-1@example.com\u200b"),
        ("external_id", "AB-7", "ab-7"),
        ("phone_number", "+49 30 123456", "+4930123456"),
        ("shop_customer_id", "\u00e9-7", "e\u0301-7"),
    ],
)
def test_spelling_does_not_matter(playground: Playground, tmp_path: Path, kind: str, forgotten: str, sent: str) -> None:
    """As rules and Zendesk spell an identifier, so it is blocked."""
    rule = {**support.RULE, "profile": {"identifiers": {kind: "{{ email }}"}}}
    shop = Shop(playground, tmp_path, rules=[rule])
    shop.run(support.schema("orders"), support.record("orders", 1, email=forgotten))
    shop.forget(f"shop:customer:{kind}:{forgotten}")
    totals = shop.run(support.schema("orders"), support.record("orders", 2, email=sent))
    assert (totals["forgotten"], shop.numbers) == (1, [])


def test_another_that_looks_alike_is_not_blocked(shop: Shop) -> None:
    """The same value under another type is another's; so is a value in other case of a type of one's own."""
    rule = {**support.RULE, "profile": {"identifiers": {"{{ kind }}": "{{ email }}"}}}
    rule["profile"] = {"identifiers": [{"type": "{{ stream }}", "value": "{{ email }}"}]}
    shop = Shop(shop.playground, shop.folder, rules=[rule])
    shop.run(support.schema("member"), support.record("member", 1, email="abc"))
    shop.forget("shop:customer:member:abc")
    assert shop.run(support.schema("reader"), support.record("reader", 2, email="abc"))["delivered"] == 1
    assert shop.run(support.schema("member"), support.record("member", 3, email="ABC"))["delivered"] == 1
    assert shop.run(support.schema("member"), support.record("member", 4, email="abc"))["forgotten"] == 1


def test_it_asks_first(shop: Shop) -> None:
    """Whoever says no, or cannot be asked, has lost nothing."""
    shop.run()
    for answer in (b"n\n", b""):
        assert shop.verb("forget", PERSON, given=answer).returncode == 1
    assert (shop.numbers, shop.run()["forgotten"]) == ([1, 2, 3, 11], 0)
    assert shop.verb("forget", PERSON, given=b"y\n").returncode == 0
    assert shop.numbers == [2, 3]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_that_was_killed_can_be_repeated(any_shop: Shop, moment: str) -> None:
    """Cut off just before the profile is deleted, or just after, nothing comes back in between."""
    shop = any_shop
    shop.run()
    wait = {"delay": 60.0} if moment == "before" else {"answer_delay": 60.0}
    shop.playground.set_faults(Fault(on="profiles", skip=3, count=None, **wait))  # type: ignore[arg-type]
    process = forked.Popen(shop.command("forget", PERSON, "--yes"), cwd=shop.folder, stderr=subprocess.DEVNULL)
    support.until(lambda: any(one.method == "DELETE" for one in shop.playground.requests()))
    support.until(lambda: moment == "before" or shop.numbers == [2, 3])
    process.kill()
    process.wait()
    shop.playground.set_faults()
    assert shop.run()["forgotten"] == 2
    said = shop.forget()
    assert ("it is deleted already" in said) == (moment == "after")
    assert (shop.numbers, shop.run()["forgotten"]) == ([2, 3], 2)


def test_one_that_may_not_delete_has_blocked(shop: Shop) -> None:
    """The missing right is told, and nothing comes in any more; with the right it is repeated."""
    shop.run()
    shop.playground.set_faults(Fault(on="profiles", skip=3, status=403, count=None))
    done = shop.verb("forget", PERSON, "--yes")
    assert (done.returncode, b"blocked: 3 identifiers" in done.stderr) == (2, True)
    assert b"need the scope users:write" in done.stderr
    assert b"deleted" not in done.stderr
    assert (shop.run()["forgotten"], shop.numbers) == (2, [1, 2, 3, 11])
    shop.playground.set_faults()
    assert "deleted: the profile, and all its events" in shop.forget()
    assert shop.numbers == [2, 3]


def test_whoever_is_not_there_is_blocked_all_the_same(shop: Shop) -> None:
    """By the one identifier that was given, an address alone too."""
    said = shop.forget(EMAIL.upper())
    assert "that identifier alone will be blocked" in said
    assert (shop.run()["forgotten"], shop.numbers) == (1, [2, 3, 11])


def test_dead_letters_that_hold_the_person_are_told_and_bring_nobody_back(shop: Shop) -> None:
    """Those that rules map are taken out by a replay, and none is sent; the others are named too."""
    shop.playground.set_faults(REFUSAL)
    given = [support.schema("orders"), support.record("orders", 1), support.record("orders", 2)]
    shop.run(*given, support.record("orders", 5, kind=None, email=EMAIL.upper()))
    shop.playground.set_faults()
    said = shop.forget()
    assert "holds 2 dead letters of the person" in said
    assert "zendesk-events replay takes out" in said
    assert shop.verb("replay").returncode == 0
    assert shop.numbers == [2]
    left = [one["record"]["id"] for path in shop.folder.glob("data/dead-letters/*") for one in support.letters_of(path)]
    assert left == [5]


def test_a_run_under_way_brings_nobody_back(any_shop: Shop) -> None:
    """What it has in flight is waited for, and deleted too; what it reads later is forgotten."""
    shop = any_shop
    shop.run()
    shop.playground.set_faults(Fault(on="events", answer_delay=3.0, contains=EMAIL))
    with support.Live(shop.settings, shop.folder) as live:
        live.write(support.lines([support.schema("orders"), support.record("orders", 30, email=EMAIL)]))
        support.until(lambda: 30 in shop.numbers)
        said = shop.forget()
        assert "another run is under way: 1 thing in flight: waited for" in said
        assert shop.numbers == [2, 3]
        live.write(support.lines([support.record("orders", 31, email=EMAIL), support.record("orders", 32)]))
        live.close()
        assert live.wait() == 0
    assert shop.numbers == [2, 3, 32]


def test_other_profiles_of_the_user_are_told(shop: Shop) -> None:
    """They stay: each is forgotten by a word of its own."""
    shop.run()
    reader = {**support.RULE, "profile": {**support.RULE["profile"], "type": "reader"}}
    other = Shop(
        shop.playground, shop.folder, rules=[support.RULE, {**reader, "name": "reader", "dedupe_key": "r{{ id }}"}]
    )
    other.run(support.schema("orders"), support.record("orders", 1, customer_id=1))
    assert "has another profile, which stays unless it is forgotten too: shop:reader:email:" in other.forget()


def test_without_a_ledger_nobody_can_be_forgotten(playground: Playground, tmp_path: Path) -> None:
    """For the next run would bring them back; nothing is deleted."""
    shop = Shop(playground, tmp_path, ledger_url="none")
    done = shop.verb("forget", PERSON, "--yes")
    assert (done.returncode, b"ledger_url is none" in done.stderr, playground.requests()) == (2, True, [])


def test_the_ledger_holds_hashes_alone(shop: Shop) -> None:
    """Neither the value nor a hash that is the same without its secret."""
    shop.run()
    shop.forget()
    kept = b"".join(path.read_bytes() for path in (shop.folder / "data").glob("ledger.sqlite*"))
    assert EMAIL.encode() not in kept

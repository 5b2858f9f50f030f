"""When the ledger cannot be used: the run stops within half a minute and says why, and nothing goes unrecorded."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import forked
import psycopg
import pytest
import support
from relays import Relay

from target_zendesk_events.errors import ConfigurationError, StorageError
from target_zendesk_events.ledger.database import database_of
from target_zendesk_events.ledger.ledger import Keyed, NoLedger, Settlement, Standing, Tally
from target_zendesk_events.ledger.postgres import IDLE_SECONDS
from target_zendesk_events.ledger.sql_ledger import SqlLedger
from target_zendesk_events.ledger.sqlite import SqliteDatabase
from target_zendesk_events.ledger.tables import MIGRATIONS, PREFIX, has_tables
from target_zendesk_events.ledger.transactions import HASTE_SECONDS, Busy
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.work import Outcome

SECONDS_TO_STOP = 30
SLACK = 8
"""For the process to end, on a machine that does other things too."""


def ledger_of(url: str, **others: Any) -> SqlLedger:
    """Open a ledger that is not tried again."""
    plain: dict[str, Any] = {"account": "a", "run": "r", "retention_days": 9, "digest": str}
    database = database_of(url, time.time)
    with contextlib.ExitStack() as opening:
        opening.callback(database.close)
        ledger = SqlLedger(database, **{**plain, "must_stop": lambda: True, **others})
        opening.pop_all()
    return ledger


def keyed(number: int) -> Keyed:
    return Keyed(number.to_bytes(16, "big"), lambda: None, "orders")


@contextlib.contextmanager
def closing(ledger: SqlLedger) -> Iterator[SqlLedger]:
    """Close the database and nothing else: what is in trouble cannot be closed well."""
    try:
        yield ledger
    finally:
        ledger.database.close()


@pytest.mark.slow
def test_a_locked_file_is_named(tmp_path: Path) -> None:
    """A run that was told to end waits for a lock no longer than four seconds, and the sentence says what it was."""
    path = tmp_path / "ledger.sqlite"
    with closing(ledger_of(f"sqlite:///{path}")) as ledger:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        since = time.monotonic()
        with pytest.raises(StorageError, match=r"ledger\.sqlite is locked by another process"):
            ledger.exchange([], [keyed(1)], Tally())
        assert time.monotonic() - since < HASTE_SECONDS + 1
        holder.close()
    with closing(ledger_of(f"sqlite:///{path}")) as ledger:
        assert ledger.exchange([], [keyed(1)], Tally())[0].standing is Standing.NEW


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """A disk without room ends the run at once, with SQLite's own words."""
    with closing(ledger_of(f"sqlite:///{tmp_path}/ledger.sqlite")) as ledger:
        ledger.database.execute("PRAGMA max_page_count = 1")
        settled = [Settlement(keyed(secrets.randbits(128)), Outcome.DELIVERED, 1) for _ in range(500)]
        with pytest.raises(StorageError, match="disk is full"):
            ledger.exchange(settled, [], Tally())
        assert ledger.usage().of("event")[1] == 0


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    """A file that may not be written ends the run at once, with SQLite's own words."""
    with closing(ledger_of(f"sqlite:///{tmp_path}/ledger.sqlite")) as ledger:
        ledger.database.execute("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match="readonly"):
            ledger.exchange([], [keyed(1)], Tally())


@pytest.mark.parametrize("content", [b"no ledger at all, but a text", b"SQLite format 3\0" + b"\xff" * 8_192])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    """What is no database, or one no more, is named, with what to do about it."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    database = SqliteDatabase(path, time.time)
    with pytest.raises(StorageError, match=r"damaged or no ledger.*backup"):
        SqlLedger(database, account="a", run="r", retention_days=9, digest=str, must_stop=lambda: True)
    database.close()


@pytest.mark.parametrize(
    "damage", ["DELETE FROM {}meta WHERE name = 'secret'", "UPDATE {}meta SET value = 'abc' WHERE name = 'version'"]
)
@pytest.mark.parametrize("reads_only", [False, True])
def test_a_ledger_without_its_secret_or_version_is_damaged(tmp_path: Path, damage: str, reads_only: bool) -> None:
    """With another secret it would know of nothing that was sent."""
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    with closing(ledger_of(url)) as ledger:
        ledger.database.execute(damage.format(PREFIX))
    with pytest.raises(StorageError, match=r"damaged or no ledger.*backup"):
        ledger_of(url, reads_only=reads_only)


@pytest.mark.parametrize("reads_only", [False, True])
def test_a_newer_release_s_ledger_wants_an_upgrade(tmp_path: Path, reads_only: bool) -> None:
    """Whoever only looks is not told that a run of this release would mend it."""
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    with closing(ledger_of(url)) as ledger:
        ledger.database.execute(f"UPDATE {PREFIX}meta SET value = '99' WHERE name = 'version'")
    with pytest.raises(ConfigurationError, match="upgrade target-zendesk-events"):
        ledger_of(url, reads_only=reads_only)


def test_a_dry_run_does_not_take_a_damaged_file_for_no_ledger(tmp_path: Path) -> None:
    """What cannot be read may say that everything was sent: a dry run ends as any other run would."""
    path = tmp_path / "data" / "ledger.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no ledger at all, but a text")
    settings = support.config("http://127.0.0.1:9", tmp_path, dry_run=True)
    done = support.command(settings, tmp_path, given=support.lines([support.schema("orders")]))
    assert done.returncode == 1
    assert b"is damaged or no ledger" in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where there is a file in the folder's place, the sentence says what to choose."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageError, match="cannot be opened"):
        ledger_of(f"sqlite:///{tmp_path}/data/ledger.sqlite")


def test_without_a_ledger_everything_is_new_and_that_is_said() -> None:
    """`ledger_url: none` knows of nothing, and says what is lost."""
    ledger = NoLedger()
    assert ledger.seen([keyed(1)])[0].standing is Standing.NEW
    assert ledger.exchange([], [keyed(1)], Tally())[0].standing is Standing.NEW
    assert "shows twice" in ledger.note
    assert (ledger.usage().of("event")[0], ledger.left_open(), ledger.heartbeat(), ledger.holds_lease()) == (
        0,
        0,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("ledger_url", "sentence"),
    [(None, b"the ledger and the dead letters were just made"), ("none", b"dead letters were just made")],
)
@pytest.mark.slow
def test_what_goes_with_a_container_is_a_warning(ledger_url: str | None, sentence: bytes, tmp_path: Path) -> None:
    """In a container a new ledger is warned of, or, where that is no file, the first dead letters; once each."""
    settings = support.config("http://127.0.0.1:9", tmp_path, **({"ledger_url": ledger_url} if ledger_url else {}))
    for times in (1, 0):
        refused = [support.schema("orders"), support.record("orders", times, kind="x" * 50)]
        environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        done = support.command(settings, tmp_path, given=support.lines(refused), environment=environment)
        assert done.returncode == 0
        assert done.stderr.count(sentence) == times
        assert done.stderr.count(b"looks like a container") == times


@pytest.fixture
def relay(server_url: str) -> Iterator[Relay]:
    relay = Relay(server_url)
    yield relay
    relay.go()


@pytest.mark.server
def test_a_connection_that_broke_is_made_again(relay: Relay, server_url: str) -> None:
    """A server that comes back within the half minute costs nothing: what was claimed stays claimed."""
    with closing(ledger_of(relay.url, must_stop=lambda: False)) as ledger:
        ledger.exchange([], [keyed(1)], Tally())
        with contextlib.closing(database_of(server_url, time.time)) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        assert ledger.exchange([], [keyed(1), keyed(2)], Tally())[1].standing is Standing.NEW


@pytest.mark.server
def test_a_server_that_is_gone_is_named_without_the_password(relay: Relay) -> None:
    """The sentence names host and database; the URL's password stands nowhere."""
    with closing(ledger_of(relay.url.replace("@", ":s3cret-word@"))) as ledger:
        assert "s3cret-word" not in ledger.note
        relay.go()
        with pytest.raises(StorageError, match=r"127\.0\.0\.1/ledger_\w+ does not answer") as caught:
            ledger.exchange([], [keyed(1)], Tally())
        assert "s3cret-word" not in str(caught.value)


@pytest.mark.server
def test_every_question_to_a_server_that_is_gone_ends_in_a_storage_error(relay: Relay) -> None:
    """No fault of the driver, nor Busy, reaches the target."""
    with closing(ledger_of(relay.url)) as ledger:
        relay.go()
        for ask in (ledger.usage, lambda: ledger.share_before("orders"), ledger.left_open):
            with pytest.raises(StorageError):
                ask()


@pytest.mark.server
def test_a_server_that_fell_silent_is_given_up_on(relay: Relay) -> None:
    """A server that takes a statement and never answers is left after a second, as one that is gone."""
    with closing(ledger_of(relay.url)) as ledger:
        relay.fall_silent()
        since = time.monotonic()
        with pytest.raises(StorageError, match="does not answer"):
            ledger.exchange([], [keyed(1)], Tally())
        assert time.monotonic() - since < 5


@pytest.mark.server
def test_a_database_that_is_not_there_is_a_fault_of_the_settings(server_url: str) -> None:
    """A wrong name or password does not mend itself: it is told at once, with the setting's name."""
    with pytest.raises(ConfigurationError, match="ledger_url"):
        ledger_of(f"{server_url}_that_is_not_there")


@pytest.fixture
def clerk(server_url: str) -> Iterator[tuple[str, str]]:
    """Make a user who owns nothing; give its name, and the server's URL for it."""
    role = f"clerk_{secrets.token_hex(6)}"
    parts = urlsplit(server_url)
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        yield role, parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()
        owner.execute(f"DROP OWNED BY {role}".encode())
        owner.execute(f"DROP ROLE {role}".encode())


@pytest.mark.server
@pytest.mark.parametrize(
    ("cure", "options"),
    [
        ("GRANT CREATE ON SCHEMA public TO {}", ""),
        ("CREATE SCHEMA zendesk AUTHORIZATION {}", "?options=-csearch_path%3Dzendesk"),
    ],
)
def test_who_may_make_no_tables_is_told_the_cure(
    cure: str, options: str, clerk: tuple[str, str], server_url: str, tmp_path: Path
) -> None:
    """Exit 2 at once with what the owner is to say, as PostgreSQL 15's public schema wants it; either mends it."""
    role, url = clerk
    settings = support.config("http://127.0.0.1:9", tmp_path, ledger_url=url)
    done = support.command(settings, tmp_path, given=support.lines([support.schema("orders")]))
    assert done.returncode == 2
    assert cure.format(role).encode() in done.stderr
    assert options.removeprefix("?").encode() in done.stderr
    with contextlib.closing(database_of(server_url, time.time)) as owner:
        owner.execute(cure.format(role))
    settings["ledger_url"] = url + options
    assert support.command(settings, tmp_path, given=support.lines([support.schema("orders")])).returncode == 0


@pytest.mark.server
def test_tables_that_another_made_are_told(clerk: tuple[str, str], server_url: str) -> None:
    """Rights on rows are another grant than those to make tables."""
    role, url = clerk
    with closing(ledger_of(server_url)) as made:
        with pytest.raises(ConfigurationError, match="GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA"):
            ledger_of(url)
        made.database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        with closing(ledger_of(url)) as ledger:
            made.database.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
            with pytest.raises(StorageError, match="GRANT SELECT"):
                ledger.exchange([], [keyed(1)], Tally())


@pytest.mark.server
def test_a_schema_that_is_not_there_is_told(server_url: str) -> None:
    """A search path may name a schema that nobody has made."""
    with pytest.raises(ConfigurationError, match="has no schema that search_path names"):
        ledger_of(f"{server_url}?options=-csearch_path%3Dnowhere")


@pytest.mark.server
@pytest.mark.parametrize("is_made", [False, True])
def test_a_replica_is_told(is_made: bool, server_url: str) -> None:
    """A server that takes no writes is the configuration's fault at the start; later another may take its place."""
    url = f"{server_url}?options=-cdefault_transaction_read_only%3Don"
    if is_made:
        with closing(ledger_of(server_url)):
            pass
    with pytest.raises(ConfigurationError, match=r"is a replica, or read-only.*primary server"):
        ledger_of(url)
    with closing(ledger_of(server_url)) as ledger:
        ledger.database.execute("SET default_transaction_read_only = on")
        assert ledger.exchange([], [keyed(1)], Tally())[0].standing is Standing.NEW


@pytest.mark.server
def test_the_url_s_options_choose_the_schema(server_url: str) -> None:
    """`options` in the URL, such as a search path, hold beside the limits that a run sets."""
    with contextlib.closing(database_of(server_url, time.time)) as database:
        database.execute("CREATE SCHEMA apart")
        with closing(ledger_of(f"{server_url}?options=-csearch_path%3Dapart")):
            found = database.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'zendesk_events_keys'")
            assert found.fetchall() == [("apart",)]


@pytest.mark.server
def test_a_dry_run_on_a_server_that_is_gone_says_so(relay: Relay, tmp_path: Path) -> None:
    """A dry run asks the ledger too: it is tried again for as long, and named, and nothing is taken for new."""
    relay.go()
    settings = support.config("http://127.0.0.1:9", tmp_path, dry_run=True, ledger_url=relay.url)
    done = support.command(settings, tmp_path, given=support.lines([support.schema("orders")]))
    assert done.returncode == 1
    assert b"does not answer" in done.stderr
    assert b"a fault of the target itself" not in done.stderr


@pytest.mark.server
def test_a_server_whose_disk_is_full_is_told_at_once(server_url: str) -> None:
    """Waiting does not mend it: the sentence has PostgreSQL's name for it."""
    with closing(ledger_of(server_url, must_stop=lambda: False)) as ledger:
        ledger.database.execute(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END$$"
        )
        ledger.database.execute(f"CREATE TRIGGER fill BEFORE INSERT ON {PREFIX}keys EXECUTE FUNCTION fill()")
        since = time.monotonic()
        with pytest.raises(StorageError, match=r"refuses \(DiskFull\): mend the server"):
            ledger.exchange([], [keyed(1)], Tally())
        assert time.monotonic() - since < 5


@pytest.mark.server
def test_a_transaction_whose_run_was_suspended_is_made_again(server_url: str) -> None:
    """The server took it back, for others wait for what it had locked: that passes."""
    with contextlib.closing(database_of(server_url, time.time)) as database:
        database.begin()
        time.sleep(IDLE_SECONDS + 0.5)
        with pytest.raises(Busy, match="the connection broke"):
            database.execute("SELECT 1")
        database.begin()
        database.execute("COMMIT")


@pytest.mark.server
@pytest.mark.parametrize(("habit", "ours"), [("off", "on"), ("local", "local"), ("on", "on")])
def test_every_commit_waits_for_the_disk(habit: str, ours: str, server_url: str) -> None:
    """Also where the server's habit is another: a claim that a crash undoes is an event that goes twice."""
    url = f"{server_url}?options=-csynchronous_commit%3D{habit}"
    with contextlib.closing(database_of(url, time.time)) as database:
        database.begin()
        assert database.execute("SHOW synchronous_commit").fetchall() == [(ours,)]
        database.execute("COMMIT")
        assert database.execute("SHOW synchronous_commit").fetchall() == [(habit,)]


@pytest.mark.server
@pytest.mark.parametrize("older", [6, 9])
def test_runs_that_start_at_once_bring_an_older_ledger_up_to_date(older: int, server_url: str) -> None:
    """Each version is made once, by one of them; the others wait, and go on with what it made."""
    words = {"prefix": PREFIX, "blob": "BYTEA", "real": "DOUBLE PRECISION", "tail": ""}
    with psycopg.connect(server_url, autocommit=True) as owner, ThreadPoolExecutor() as pool:
        owner.execute(f"CREATE TABLE {PREFIX}meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)".encode())
        for statement in itertools.chain(*MIGRATIONS[:older]):
            owner.execute(statement.format(**words).encode())
        owner.execute(f"INSERT INTO {PREFIX}meta VALUES ('version', '{older}'), ('secret', 'abcd')".encode())
        name = "sent 2026-11" if older == 6 else "sent event 2026-11"
        owner.execute(f"INSERT INTO {PREFIX}counts VALUES ('a', '{name}', 5)".encode())
        owner.execute("BEGIN")
        owner.execute(f"LOCK TABLE {PREFIX}meta IN EXCLUSIVE MODE".encode())
        runs = [pool.submit(ledger_of, server_url, must_stop=lambda: False) for _ in range(4)]
        time.sleep(0.5)  # until all have read the version
        owner.execute("COMMIT")
        for run in runs:
            with closing(run.result()) as ledger:
                assert ledger.secret == b"\xab\xcd"
        names = owner.execute(f"SELECT name FROM {PREFIX}counts".encode()).fetchall()
        assert names == [("sent event 2026-11",)]


@pytest.mark.server
def test_a_dry_run_needs_no_ledger_on_the_server(server_url: str) -> None:
    """Before the first run there is nothing to look at: it is told so, and nothing is made."""
    database = database_of(server_url, time.time)
    try:
        assert not has_tables(database)
        assert not has_tables(database)
    finally:
        database.close()


def trial(url: str, folder: Path, trouble: Any) -> tuple[int, float, str]:
    """Run the command line until events arrive, cause trouble, and return its exit code, seconds and last words."""
    config = folder / "config.json"
    with Playground(delay=0.05) as playground:
        config.write_text(json.dumps(support.config(playground.url, folder, ledger_url=url, max_in_flight=2)))
        process = forked.Popen(
            [*support.TARGET, "--config", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
        )

        def cause() -> None:
            while len(playground.events()) < 5 and process.poll() is None:
                time.sleep(0.05)
            since.append(time.monotonic())
            trouble()

        since: list[float] = []
        causing = threading.Thread(target=cause)
        causing.start()
        messages = [support.schema("orders"), *(support.record("orders", number) for number in range(2_000))]
        try:
            _, errors = process.communicate(support.lines([*messages, support.state({"upto": 2_000})]), timeout=120)
        finally:
            process.kill()
            process.wait()
            causing.join()
    return process.returncode, time.monotonic() - since[0], errors.decode()


@pytest.mark.server
def test_a_run_whose_ledger_is_in_trouble_stops_in_time(server_url: str, tmp_path: Path) -> None:
    """From a lock on the file, the server's end or its silence to the process's end it takes half a minute.

    The last word names the trouble. The three runs wait side by side.
    """
    path = tmp_path / "ledger.sqlite"
    gone, silent = Relay(server_url), Relay(server_url)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        stack.callback(gone.go)
        stack.callback(silent.go)

        def lock() -> None:
            holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            stack.callback(holder.close)
            holder.execute("BEGIN IMMEDIATE")

        troubles: list[tuple[str, str, Callable[[], None]]] = [
            ("is locked by another process", f"sqlite:///{path}", lock),
            ("does not answer", gone.url, gone.go),
            ("does not answer", silent.url, silent.fall_silent),
        ]
        trials = []
        for number, (_, url, trouble) in enumerate(troubles):
            folder = tmp_path / str(number)
            folder.mkdir()
            trials.append(pool.submit(trial, url, folder, trouble))
        for (word, _, _), one in zip(troubles, trials, strict=True):
            exit_code, seconds, errors = one.result()
            assert exit_code == 1
            assert word in errors
            assert "a fault of the target itself" not in errors
            assert seconds < SECONDS_TO_STOP + SLACK

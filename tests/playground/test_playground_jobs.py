"""The playground's jobs: they take their time, fail by item or as a whole, and are told of for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from target_zendesk_events.playground.custom_objects import CustomObjects
from target_zendesk_events.playground.customers import Customers
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.jobs import Jobs, Orders
from target_zendesk_events.playground.object_records import ObjectRecords
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.playground.store import Store

OBJECT = "/api/v2/custom_objects/subscription"
STATUSES = "/api/v2/job_statuses"
Ask = Callable[..., requests.Response]
Run = Callable[..., dict[str, Any]]
UPSERT = "create_or_update_by_external_id"


@pytest.fixture(scope="module")
def served() -> Iterator[Playground]:
    with Playground(job_seconds=0) as playground:
        yield playground


@pytest.fixture
def playground(served: Playground) -> Playground:
    served.clear()
    served.set_job_seconds(0)
    return served


@pytest.fixture
def ask(playground: Playground) -> Iterator[Ask]:
    """Send a request to a playground that has the object `subscription`, with a field `seats`."""
    with requests.Session() as http:
        http.trust_env = False

        def ask(method: str, path: str, content: Any = None, **query: str) -> requests.Response:
            return http.request(method, playground.url + path, params=query, json=content)

        sent = {"key": "subscription", "title": "x", "title_pluralized": "x"}
        ask("POST", "/api/v2/custom_objects", {"custom_object": sent})
        field = {"key": "seats", "type": "integer", "title": "Seats"}
        ask("POST", OBJECT + "/fields", {"custom_object_field": field})
        yield ask


@pytest.fixture
def run(ask: Ask) -> Run:
    """Start a job, and return its status when it is asked for."""

    def run(action: str, items: list[Any]) -> dict[str, Any]:
        started = ask("POST", OBJECT + "/jobs", {"job": {"action": action, "items": items}})
        assert started.status_code == 201, started.text
        status: dict[str, Any] = ask("GET", f"{STATUSES}/{started.json()['job_status']['id']}").json()["job_status"]
        return status

    return run


def records(ask: Ask) -> list[str]:
    """Return the external ids of the records that are there."""
    return [one["external_id"] for one in ask("GET", OBJECT + "/records").json()["custom_object_records"]]


def items(*external_ids: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"external_id": one, "custom_object_fields": fields} for one in external_ids]


def test_a_job_takes_its_time(playground: Playground, ask: Ask) -> None:
    """Queued, then working, then completed: what is not known yet is null, and the records come at the end."""
    playground.set_job_seconds(0.5)
    started = ask("POST", OBJECT + "/jobs", {"job": {"action": UPSERT, "items": items("1", "2")}})
    job = started.json()["job_status"]
    assert started.status_code == 201
    assert started.headers["zendesk-ratelimit-inflight-jobs"] == "total=30; remaining=29; resets=60"
    assert [job[name] for name in ("status", "total", "progress", "message", "results")] == ["queued", *[None] * 4]
    assert records(ask) == []
    seen = [job]
    while seen[-1]["status"] in {"queued", "working"}:
        seen.append(requests.get(job["url"].removesuffix(".json"), timeout=5).json()["job_status"])
        time.sleep(0.01)
    assert list(dict.fromkeys(one["status"] for one in seen)) == ["queued", "working", "completed"]
    assert next(one["total"] for one in seen if one["status"] == "working") == 2
    assert (seen[-1]["progress"], len(seen[-1]["results"])) == (2, 2)
    assert records(ask) == ["1", "2"]


def test_items_are_made_changed_and_refused_each_for_itself(ask: Ask, run: Run) -> None:
    """A completed job may have failed items, each with its index, an error and a sentence."""
    ask("PATCH", OBJECT + "/records", {"custom_object_record": {"name": "x"}}, external_id="1")
    job = run(UPSERT, [*items("1", "2", seats=3), *items("3", seats="x"), {"name": "no id"}, *items("2")])
    assert (job["status"], job["total"], job["progress"]) == ("completed", 5, 5)
    assert [one["index"] for one in job["results"]] == [0, 1, 2, 3, 4]
    assert [one["success"] for one in job["results"]] == [True, True, False, False, False]
    assert set(job["results"][2]) == {"index", "success", "error", "details"}
    assert job["results"][2]["error"] == "RecordInvalid"
    shown = ask("GET", OBJECT + "/records", **{"filter[external_ids]": "1,2,3"}).json()["custom_object_records"]
    assert [(one["external_id"], one["name"], one["custom_object_fields"]["seats"]) for one in shown] == [
        ("1", "x", 3),
        ("2", None, 3),
    ]
    assert [one["id"] for one in shown] == [one["id"] for one in job["results"][:2]]


def test_records_are_deleted_by_external_id_and_by_id(ask: Ask, run: Run) -> None:
    """Lists of ids; one that is not there fails by itself."""
    ids = [one["id"] for one in run("create", items("1", "2", "3"))["results"]]
    gone = run("delete_by_external_id", ["1", "nobody"])["results"]
    assert [(one["success"], one.get("error")) for one in gone] == [(True, None), (False, "RecordNotFound")]
    assert [one["success"] for one in run("delete", [ids[1], ids[0]])["results"]] == [True, False]
    assert records(ask) == ["3"]


def test_records_are_made_and_changed_by_id_and_by_name(ask: Ask, run: Run) -> None:
    """`create` refuses what is there; `update` wants an id that is; names must be unique."""
    (made, again) = run("create", [{"external_id": "1"}, {"external_id": "1"}])["results"]
    assert (made["success"], again["success"]) == (True, False)
    results = run("update", [{"id": made["id"], "name": "x"}, {"id": "nobody", "name": "y"}])["results"]
    assert [one["success"] for one in results] == [True, False]
    assert run("create_or_update_by_name", [{"name": "x"}])["results"][0]["success"] is False
    ask("PATCH", OBJECT + "/fields/standard::name", {"custom_object_field": {"properties": {"is_unique": True}}})
    (by_name,) = run("create_or_update_by_name", [{"name": "x", "custom_object_fields": {"seats": 1}}])["results"]
    assert by_name["id"] == made["id"]


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"action": "upsert", "items": items("1")},
        {"action": UPSERT, "items": []},
        {"action": UPSERT, "items": items(*map(str, range(101)))},
        {"action": UPSERT, "items": ["1"]},
        {"action": "delete_by_external_id", "items": [{"external_id": "1"}]},
    ],
)
def test_a_job_that_is_none_is_refused(ask: Ask, job: dict[str, Any]) -> None:
    """As a whole, before anything is done; a hundred items are the most."""
    assert ask("POST", OBJECT + "/jobs", {"job": job}).status_code == 400
    assert ask("POST", "/api/v2/custom_objects/none/jobs", {"job": job}).status_code == 404


def test_jobs_are_asked_for_together(ask: Ask, run: Run) -> None:
    """Those that are known; a hundred at most; alone, one that is not is 404."""
    jobs = [run(UPSERT, items(str(number)))["id"] for number in range(3)]
    told = ask("GET", STATUSES + "/show_many", ids=",".join([*jobs, "none"])).json()["job_statuses"]
    assert [one["id"] for one in told] == jobs
    assert ask("GET", STATUSES + "/show_many", ids=",".join(map(str, range(101)))).status_code == 400
    assert ask("GET", STATUSES + "/none").json()["error"] == "RecordNotFound"


def test_thirty_jobs_may_be_under_way(playground: Playground, ask: Ask) -> None:
    """The next is refused with those that are."""
    playground.set_job_seconds(60)
    jobs = [ask("POST", OBJECT + "/jobs", {"job": {"action": UPSERT, "items": items("1")}}) for _ in range(31)]
    assert [one.status_code for one in jobs] == [201] * 30 + [429]
    refused = jobs[-1].json()
    assert refused["error"] == "TooManyJobs"
    assert refused["current_job_ids"] == [one.json()["job_status"]["id"] for one in jobs[:-1]]


@pytest.mark.parametrize(
    ("fate", "told", "kept"),
    [("failed", "failed", 0), ("killed", "killed", 2), ("aborted", "aborted", 2), ("stuck", "queued", 0)],
)
def test_a_job_may_fail_as_a_whole(playground: Playground, ask: Ask, run: Run, fate: Any, told: str, kept: int) -> None:
    """Failed with nothing done, killed or aborted with half of it, or never at an end."""
    playground.set_faults(Fault(on="jobs", job=fate, message="The server had an error"))
    playground.set_job_seconds(60 if fate == "stuck" else 0)
    job = run(UPSERT, items("1", "2", "3", "4"))
    assert (job["status"], job["results"]) == (told, None)
    assert fate == "stuck" or job["message"] == "The server had an error"
    assert len(records(ask)) == kept
    assert run(UPSERT, items("1"))["status"] == ("queued" if fate == "stuck" else "completed")


def test_a_job_may_be_forgotten(playground: Playground, ask: Ask) -> None:
    """Done, and told of no more: 404 alone, missing among others."""
    playground.set_faults(Fault(on="jobs", job="forgotten"))
    job = ask("POST", OBJECT + "/jobs", {"job": {"action": UPSERT, "items": items("1")}}).json()["job_status"]["id"]
    assert ask("GET", f"{STATUSES}/{job}").status_code == 404
    assert ask("GET", STATUSES + "/show_many", ids=job).json()["job_statuses"] == []
    assert records(ask) == ["1"]


def test_what_is_held_is_told(playground: Playground, ask: Ask, run: Run) -> None:
    """Records, jobs and tickets, in Python and on the playground's own paths."""
    run(UPSERT, items("1", seats=2))
    ask("POST", "/api/v2/tickets", {"ticket": {"comment": {"body": "x"}, "external_id": "t"}})
    ((record,), (job,), (ticket,)) = (playground.records(), playground.jobs(), playground.tickets())
    assert (record["external_id"], record["custom_object_fields"]) == ("1", {"seats": 2})
    assert (job["object"], job["action"], job["status"], len(job["items"])) == ("subscription", UPSERT, "completed", 1)
    assert (ticket["external_id"], ticket["comments"][0]["body"]) == ("t", "x")
    told = {name: ask("GET", f"/playground/{name}").json()[name] for name in ("records", "jobs", "tickets")}
    assert told == {"records": [record], "jobs": [job], "tickets": [ticket]}


def test_items_may_fail_on_purpose(playground: Playground, ask: Ask, run: Run) -> None:
    """By their place or by a text that they hold, with the fault's message."""
    playground.set_faults(Fault(on="jobs", failed_items=[1], message="No"), Fault(on="jobs", failed_items=["id-5"]))
    results = run(UPSERT, items("1", "2", "3"))["results"]
    assert [one["success"] for one in run(UPSERT, items("id-4", "id-5"))["results"]] == [True, False]
    assert [one["success"] for one in results] == [True, False, True]
    assert results[1]["details"] == "No"
    assert records(ask) == ["1", "3", "id-4"]


def test_results_come_in_every_shape(playground: Playground, run: Run) -> None:
    """As Zendesk's documents and other clients tell of them."""
    shapes: list[Any] = ["statuses", "records", "reversed", "fewer", "single", "none"]
    playground.set_faults(*(Fault(on="jobs", results=shape, failed_items=[2]) for shape in shapes))
    told = {shape: run(UPSERT, items("1", "2", "3"))["results"] for shape in shapes}
    assert [one["status"] for one in told["statuses"]] == ["Created", "Created", "Failed"]
    assert "index" not in told["statuses"][0]
    assert [one["external_id"] for one in told["records"]] == ["1", "2", "3"]
    assert told["records"][0]["custom_object_fields"] == {"seats": None}
    assert told["records"][2]["errors"]
    assert [one["index"] for one in told["reversed"]] == [2, 1, 0]
    assert [one["index"] for one in told["fewer"]] == [0, 1]
    assert told["single"]["index"] == 0
    assert told["none"] is None


def test_the_answer_to_a_start_may_be_lost(playground: Playground, ask: Ask) -> None:
    """The job is done all the same; another is refused as one too many."""
    playground.set_faults(Fault(on="jobs", drop="after"), Fault(429, on="jobs", body="too_many_jobs"))
    sent = {"job": {"action": UPSERT, "items": items("1")}}
    with pytest.raises(requests.ConnectionError):
        ask("POST", OBJECT + "/jobs", sent)
    assert ask("POST", OBJECT + "/jobs", sent).json()["error"] == "TooManyJobs"
    assert records(ask) == ["1"]


def test_jobs_are_done_once_whoever_looks(playground: Playground, ask: Ask) -> None:
    """Ten jobs of a hundred items, while a test and clients look on from many threads."""
    playground.set_job_seconds(0.05)
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            made = items(*(f"{number}-{place}" for place in range(100)))
            ask("POST", OBJECT + "/jobs", {"job": {"action": "create", "items": made}})
            looks = [pool.submit(playground.records) for _ in range(4)]
    assert all(look.exception() is None for look in looks)
    time.sleep(0.1)
    done = [entry["success"] for job in playground.jobs() for entry in job["results"]]
    assert (done.count(True), len(done), len(playground.records())) == (1_000, 1_000, 1_000)


@pytest.fixture
def jobs() -> Iterator[tuple[Jobs, list[float], Callable[[], str]]]:
    """Return jobs with a clock of their own, and what starts one."""
    store, now = Store(), [1_000_000.0]
    objects = CustomObjects(store)
    jobs = Jobs(store, objects, ObjectRecords(store, objects, Customers(store)), lambda: now[0])
    objects.create({"key": "a", "title": "x", "title_pluralized": "x"})
    yield jobs, now, lambda: str(jobs.start(objects.find("a"), "create", [{}], Orders())["id"])
    store.close()


def test_jobs_are_remembered_for_a_day(jobs: tuple[Jobs, list[float], Callable[[], str]]) -> None:
    """Not longer."""
    room, now, start = jobs
    job = start()
    now[0] += 86_399
    room.advance()
    assert (room.find(job) or {})["status"] == "completed"
    now[0] += 1
    assert room.find(job) is None


def test_the_last_hundred_jobs_are_remembered(jobs: tuple[Jobs, list[float], Callable[[], str]]) -> None:
    """The one before them is not."""
    room, now, start = jobs
    started = []
    for _ in range(101):
        started.append(start())
        now[0] += 1
        room.advance()
    assert [room.find(job) is None for job in started[:2]] == [True, False]

"""Meltano, the real one from PyPI: `meltano.yml` runs as it stands, twice, and its test of the loader passes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import Environments
from hub_definition import FILE as HUB_FILE
from hub_definition import REPOSITORY, as_meltano_has_it, described
from support import TARGET, command, lines

from target_zendesk_events.cli import VERBS
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.settings import SDK_SETTINGS, SETTINGS

ROOT = Path(__file__).parents[2]
TRAVELS = ("LICENSE", "README.md", "meltano.yml", "pyproject.toml", "sample_streams", "target_zendesk_events")
"""What of a clone the project needs."""
NOWHERE = "http://127.0.0.1:9"
"""A Hub that nobody serves."""
STATE_ID = "playground:tap-sample-to-target-zendesk-events"
RUN = ("run", "tap-sample", "target-zendesk-events")
EXPECTED = json.loads((ROOT / "sample_streams" / "several_streams" / "expected.json").read_text())
RECORDER = """
import os, sys

def record(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        place = arguments[1][0]
    elif event == "socket.getaddrinfo":
        place = arguments[0]
    else:
        return
    with open({file!r}, "a") as file:
        print(place, file=file)

sys.addaudithook(record)
"""
"""Writes down, in every Python of an environment, each host that is looked up or connected to."""
TEST_MESSAGES = (
    {
        "type": "SCHEMA",
        "stream": "meltano_test_stream",
        "schema": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
            },
        },
        "key_properties": ["id"],
    },
    {
        "type": "RECORD",
        "stream": "meltano_test_stream",
        "record": {"id": 1, "name": "Meltano Test Record", "created_at": "2025-09-29T00:00:00Z"},
    },
    {"type": "STATE", "value": {"bookmarks": {"meltano_test_stream": {"last_record": 1}}}},
)
"""What `meltano config test` sends (Meltano 4.4, meltano/core/plugin_test_service.py)."""


# meltano.yml


def test_meltano_knows_every_setting() -> None:
    """Names, kinds, secrets and words are those that the target declares, in the same order."""
    assert described()["settings"] == [as_meltano_has_it(setting) for setting in (*SETTINGS, *SDK_SETTINGS)]


def test_no_kind_is_one_that_meltano_refuses() -> None:
    """Its schema has no `number`, and `decimal` crashes it where the value comes from the environment."""
    kinds = {setting.get("kind", "string") for setting in described()["settings"]}
    assert kinds <= {"string", "integer", "boolean", "array", "object", "options"}


def test_every_verb_is_a_command() -> None:
    """A command gets no file of configuration, so each says `--config ENV`; the words are those of `--help`."""
    assert described()["commands"] == {
        verb: {"executable": "zendesk-events", "args": f"{verb} --config ENV", "description": words.rstrip()}
        for verb, words in VERBS.items()
    }


@pytest.mark.slow
def test_meltano_names_the_targets_capabilities() -> None:
    """Those of `--about`, but for `validate-records`, which Meltano's schema refuses."""
    about = subprocess.run([*TARGET, "--about", "--format=json"], capture_output=True, check=True, timeout=60)
    capabilities = json.loads(about.stdout)["capabilities"]
    assert set(described()["capabilities"]) == set(capabilities) - {"validate-records"}


def test_nothing_needs_the_hub_and_nobody_is_counted() -> None:
    """Every plugin has a namespace and comes from this clone."""
    described = yaml.safe_load((ROOT / "meltano.yml").read_text())
    plugins = [plugin for kind in described["plugins"].values() for plugin in kind]
    assert [plugin["pip_url"] for plugin in plugins] == ["./sample_streams/tap_sample", "-e .[playground]"]
    assert all(plugin["namespace"] == plugin["name"].replace("-", "_") for plugin in plugins)
    assert described["send_anonymous_usage_stats"] is False


def _documented() -> tuple[str, dict[str, Any]]:
    """Return what the documents say of the loader, and the loader that they describe."""
    page = (ROOT / "docs" / "meltano.md").read_text(encoding="utf-8")
    section = page.partition("\n## The loader\n")[2].partition("\n## ")[0]
    (loader,) = yaml.safe_load(section.partition("```yaml\n")[2].partition("```")[0])["plugins"]["loaders"]
    return section, loader


def test_the_documents_declare_what_they_put_into_the_environment() -> None:
    """Meltano hands a variable on only where the plugin has a setting of its name."""
    page = (ROOT / "docs" / "meltano.md").read_text(encoding="utf-8")
    named = {name.lower() for name in re.findall("TARGET_ZENDESK_EVENTS_([A-Z_]+)", page)}
    assert named
    assert named <= {setting["name"] for setting in described()["settings"]}


def test_the_documents_add_it_by_the_hubs_file() -> None:
    """Their first line names that file where the project lives, and their loader is the one that the file defines."""
    section, loader = _documented()
    address = f"{REPOSITORY.replace('github.com', 'raw.githubusercontent.com')}/main/{HUB_FILE.relative_to(ROOT)}"
    assert section.strip().startswith(f"```shell\nmeltano add target-zendesk-events --from-ref {address}\n```")
    defined = yaml.safe_load(HUB_FILE.read_text())
    assert {name: loader[name] for name in ("name", "variant", "pip_url")} == {
        name: defined[name] for name in ("name", "variant", "pip_url")
    }


# the messages that `meltano config test` sends


@pytest.mark.slow
@pytest.mark.parametrize("answer", [200, 403])
def test_the_messages_of_meltanos_test_send_nothing(tmp_path: Path, answer: int) -> None:
    """Exit 0; users/me is asked, and a 403 passes; nothing is sent or set aside; no line is one that fails the test.

    The rule is for every stream, by a glob: that does not name the test's.
    """
    with Playground(faults=[Fault(on="me", status=answer)] if answer != 200 else []) as served:
        config = tmp_path / "config.json"
        rule = {
            "stream": "*",
            "profile": {"identifiers": {"name": "{{ name }}"}},
            "event": {"type": "test", "created_at": "{{ created_at }}", "properties": {}},
        }
        settings = {"api_url": served.url, "data_dir": str(tmp_path / "data"), "source": "shop", "rules": [rule]}
        config.write_text(json.dumps(settings))
        messages = "".join(json.dumps(message) + "\n" for message in TEST_MESSAGES)
        command = [*TARGET, "--config", str(config)]
        ended = subprocess.run(
            command, input=messages, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
        )
        asked = [(request.method, request.path, request.status) for request in served.requests()]
    assert ended.returncode == 0
    assert [(method, path.removesuffix(".json"), status) for method, path, status in asked] == [
        ("GET", "/api/v2/users/me", answer)
    ]
    assert not list((tmp_path / "data").glob("dead-letters/*"))
    assert not re.search("error|exception", ended.stdout + ended.stderr, re.IGNORECASE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [Fault(on="me", status=503), Fault(on="token", status=503), Fault(on="any", drop="before")]
)
def test_what_could_not_be_checked_did_not_pass(tmp_path: Path, fault: Fault) -> None:
    """Exit 1 where Zendesk, or its token endpoint, gave no answer that tells: the secret may be wrong."""
    with Playground(faults=[dataclasses.replace(fault, count=None)]) as served:
        settings = {"api_url": served.url, "data_dir": str(tmp_path / "data"), "rules": [], "source": "shop"}
        settings |= {"client_id": "pipeline", "client_secret": "of-nobody"}
        ended = command(settings, tmp_path, given=lines(TEST_MESSAGES))
    assert ended.returncode == 1
    assert b"the credentials could not be checked (" in ended.stderr


# the real Meltano


@pytest.fixture(scope="session")
def meltano(environments: Environments) -> Path:
    """Install Meltano in an environment of its own; return its command."""
    return environments.install("meltano", "meltano>=4,<5", "uv") / "meltano"


class Project:
    """A Meltano project that is a copy of this clone, or has one beside its own `meltano.yml`."""

    def __init__(self, meltano: Path, folder: Path, described: Mapping[str, Any] | None = None) -> None:
        """Copy what it needs into `folder`, and install its plugins; `described` are those of a project of its own."""
        self._meltano = meltano
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        clone = folder if described is None else folder / "target-zendesk-events"
        clone.mkdir(exist_ok=True)
        for name in TRAVELS:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, clone / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, clone / name)
        if described is not None:
            (folder / "meltano.yml").write_text(yaml.safe_dump(described))
        self.run("install")
        self.environment = folder / ".meltano" / "loaders" / "target-zendesk-events" / "venv"

    def run(self, *arguments: str, **variables: str) -> str:
        """Run Meltano to a good end; return what it said."""
        ended = self.start(arguments, **variables)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def wrapped(self, *arguments: str, **variables: str) -> str:
        """Run Meltano within the playground's wrapper."""
        wrapper = (str(self.environment / "bin" / "zendesk-events"), "playground", "--")
        ended = self.start(arguments, wrapper, **variables)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def start(
        self, arguments: Sequence[str], wrapper: Sequence[str] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Meltano in the project; what it said is in `stdout`, one line a line, without colours."""
        plain = {"MELTANO_CLI_DISABLE_VERSION_CHECK": "1", "NO_COLOR": "1", "COLUMNS": "1000"}
        return subprocess.run(
            [*wrapper, str(self._meltano), *arguments],
            cwd=self.folder,
            env={**os.environ, **plain, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    def state(self) -> dict[str, Any]:
        """Return the STATE that Meltano has saved of the pipeline."""
        shown = self.run("--log-level", "error", "state", "get", STATE_ID)
        state: dict[str, Any] = json.loads(shown[shown.index("{") :])
        return state


@pytest.fixture(scope="module")
def project(meltano: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give an installed project; of the tests one alone saves STATE in it."""
    return Project(meltano, tmp_path_factory.mktemp("project"))


def timelines(served: Playground) -> dict[str, list[Any]]:
    """Return what is stored, by the customer's name."""
    names = {user.id: user.name for user in served.users()}
    received: dict[str, list[Any]] = {}
    for event in served.events():
        received.setdefault(names[event.user_id], []).append(event.body)
    return received


@pytest.mark.server
def test_a_second_run_goes_on_where_the_first_ended(project: Project) -> None:
    """The first run brings every timeline; its STATE is saved; the second starts from it and sends nothing again."""
    described = (project.folder / "meltano.yml").read_text()
    with Playground() as served:
        first = project.run(*RUN, TARGET_ZENDESK_EVENTS_API_URL=served.url)
        assert "run finished: delivered=8" in first
        assert timelines(served) == EXPECTED["timelines"]
        second = project.run(*RUN, TARGET_ZENDESK_EVENTS_API_URL=served.url)
        assert "No state was found" in first
        assert "No state was found" not in second
        assert "run finished: delivered=0" in second
        assert "records=0" in second
        assert timelines(served) == EXPECTED["timelines"]
        assert project.state()["singer_state"] == EXPECTED["state"]
    assert (project.folder / "meltano.yml").read_text() == described


@pytest.mark.server
def test_a_wrapped_run_reaches_nothing_else(project: Project, tmp_path: Path) -> None:
    """With a configuration that names a real account, the target looks up and connects to this machine alone.

    Nor does Meltano save a STATE of it, which would skip those rows in production, and `data_dir` is left alone.
    """
    record = tmp_path / "hosts"
    home = next(project.environment.glob("lib/python*/site-packages"))
    (home / "recorder.py").write_text(RECORDER.format(file=str(record)))
    (home / "recorder.pth").write_text("import recorder\n")
    account = {
        "TARGET_ZENDESK_EVENTS_SUBDOMAIN": "acme",
        "TARGET_ZENDESK_EVENTS_CLIENT_ID": "events_pipeline",
        "TARGET_ZENDESK_EVENTS_CLIENT_SECRET": "opens-nothing",
        "TARGET_ZENDESK_EVENTS_DATA_DIR": str(tmp_path / "data"),
    }
    try:
        said = project.wrapped("--environment", "production", *RUN, **account)
    finally:
        (home / "recorder.pth").unlink()
    assert "the playground received 8 events of 2 customers in 8 requests" in said
    assert set(record.read_text().split()) == {"127.0.0.1"}
    assert "Incremental state has been updated" not in said
    assert not (tmp_path / "data").exists()


@pytest.mark.server
def test_meltanos_own_test_of_the_loader_passes(project: Project) -> None:
    """It says that its data was taken, which it does only after exit 0 and no line with a fault in it.

    Its own exit code says nothing: Meltano 4.4 then ends a process that has ended, and fails with ProcessLookupError.
    """
    with Playground() as served:
        account = {"TARGET_ZENDESK_EVENTS_API_URL": served.url}
        ended = project.start(["--environment", "playground", "config", "test", "target-zendesk-events"], **account)
        assert "Test data was written to your target system" in ended.stdout
        assert [request.path.removesuffix(".json") for request in served.requests()] == ["/api/v2/users/me"]


@pytest.mark.server
def test_the_documents_own_project_runs(meltano: Path, tmp_path: Path) -> None:
    """The loader is added by the Hub's file, without the Hub; its verbs are commands, and a pipeline runs.

    But for the package, which comes from a clone.
    """
    _, loader = _documented()
    tap = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["extractors"][0]
    samples = "target-zendesk-events/sample_streams"
    tap = {**tap, "pip_url": f"./{samples}/tap_sample", "config": {"folder": f"{samples}/several_streams"}}
    own = {"project_id": "own", "send_anonymous_usage_stats": False, "default_environment": "dev"}
    own |= {"environments": [{"name": "dev"}], "hub_url": NOWHERE}
    project = Project(meltano, tmp_path, {**own, "plugins": {"extractors": [tap]}})
    defined = yaml.safe_load(HUB_FILE.read_text())
    defined["pip_url"] = defined["pip_url"].replace("target-zendesk-events", "./target-zendesk-events")
    (tmp_path / "loader.yml").write_text(yaml.safe_dump(defined))
    project.run("add", "target-zendesk-events", "--from-ref", "loader.yml")
    added = yaml.safe_load((tmp_path / "meltano.yml").read_text())
    added["plugins"]["loaders"][0]["config"] = loader["config"]
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(added))
    shutil.copy(ROOT / "sample_streams" / "several_streams" / "rules.yml", tmp_path)
    (tmp_path / "rules.test.yml").write_text("- {stream: orders, record: {status: open}, expect: filtered}\n")
    secret = {"TARGET_ZENDESK_EVENTS_CLIENT_SECRET": "opens-nothing"}
    said = project.wrapped("--log-format", "json", *RUN, **secret)
    assert "the playground received 8 events of 2 customers in 8 requests" in said
    logged = [json.loads(line) for line in said.splitlines() if line.startswith("{") and "run finished" in line]
    assert [one["delivered"] for one in logged if "delivered" in one] == [8]
    wrapped = project.run("invoke", "target-zendesk-events:playground", "--", "true", **secret)
    assert "the playground received 0 events" in wrapped
    assert "Testing completed successfully" in project.run("test", "target-zendesk-events", **secret)


@pytest.mark.server
def test_the_verbs_are_commands(project: Project) -> None:
    """The demo runs from the samples in the clone, and the playground wraps what stands behind `--`."""
    assert "All went as the samples say." in project.run("invoke", "target-zendesk-events:demo")
    wrapped = project.run("invoke", "target-zendesk-events:playground", "--", "true")
    assert "the playground received 0 events" in wrapped


@pytest.mark.server
def test_the_verbs_run_as_commands(project: Project, tmp_path: Path) -> None:
    """Each with the configuration of the project, whose rules they take, and with options of their own."""
    sample = str(project.folder / "sample_streams" / "several_streams" / "input.singer")
    profile = next(iter(EXPECTED["timelines"].values()))[0]["profile"]
    person = ":".join([profile["source"], profile["type"], *profile["identifiers"][0].values()])
    folder = str(tmp_path / "data")
    with Playground() as served:
        variables = {"TARGET_ZENDESK_EVENTS_API_URL": served.url, "TARGET_ZENDESK_EVENTS_DATA_DIR": folder}

        def invoke(verb: str, *options: str) -> str:
            return project.run("invoke", f"target-zendesk-events:{verb}", *options, **variables)

        assert "rules written" in invoke("init", "--input", sample, "--rules-file", str(tmp_path / "rules.yml"))
        assert '"totals"' in invoke("preview", "--input", sample, "--json")
        assert "the account's plan has it" in invoke("check")
        assert "delivered=8" in project.run("invoke", "target-zendesk-events", "--input", sample, **variables)
        assert "last run: exit 0" in invoke("status")
        assert '"sent": 8' in invoke("ledger", "--json")
        assert "no dead letters wait" in invoke("replay", "--list")
        assert profile["identifiers"][0]["value"] in invoke("timeline", person)
        assert "take the person out" in invoke("forget", person, "--yes")
        assert len(timelines(served)) == 1

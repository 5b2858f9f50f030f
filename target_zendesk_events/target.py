"""The Singer target: takes messages in, hands records to the sender, ends with an exit code that tells the truth."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform

from target_zendesk_events import lenient
from target_zendesk_events import settings as known
from target_zendesk_events.errors import ConfigurationError, StorageError, TargetError
from target_zendesk_events.escaping import escape_log
from target_zendesk_events.kinds.request import Bucket
from target_zendesk_events.moments import in_utc
from target_zendesk_events.signals import Signals, take_hang_up
from target_zendesk_events.singer.command import CommandTarget, log_fault
from target_zendesk_events.singer.reader import Reader
from target_zendesk_events.singer.sink import EventSink
from target_zendesk_events.singer.state_out import StateOut, drop_what_cannot_be_said
from target_zendesk_events.work import DeadLetter, Work

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.mapper import StreamMap

logger = logging.getLogger("target-zendesk-events")


class TargetZendeskEvents(CommandTarget):
    """Puts the records of any Singer tap into Zendesk: onto timelines, into profiles, custom objects and tickets."""

    name = "target-zendesk-events"
    config_jsonschema = known.config_schema()
    default_sink_class = EventSink
    message_reader: Reader
    command = "target"
    """What `last-run.json` calls the run."""
    sends_held_blindly = False
    """Whether a replayed record that was held goes out without being looked for on its timeline first."""

    def __init__(self, *, config: Any = None, **_: Any) -> None:  # noqa: ANN401 - the SDK's signature
        """Read the settings and build the run. Raises ConfigurationError and StorageError."""
        from target_zendesk_events.assembly import assemble, throwaway_warning  # noqa: PLC0415 - `--about` needs none of it
        from target_zendesk_events.outcome.progress import Progress  # noqa: PLC0415
        from target_zendesk_events.singer.streams import Streams  # noqa: PLC0415

        now = dt.datetime.fromtimestamp(time.time(), dt.timezone.utc)
        self._started = now.timestamp()
        self.settings = known.read_settings(config or {}, os.environ, now=now)
        self._signals = Signals()
        self._sinks: dict[str, tuple[tuple[StreamMap, EventSink], ...]] = {}
        self._state_out = StateOut(lambda: self._signals.is_grace_over)
        reader = Reader()
        self._let_the_sdk_begin(self.settings.sdk_config, reader)
        take_hang_up(self._handle_termination)
        self.run = assemble(
            self.settings,
            self.get_plugin_version(),
            reader.alarm.ring,
            self._write_state,
            must_stop=lambda: self._signals.any_came,
            reached=self.reached,
            sends_held_blindly=self.sends_held_blindly,
        )
        for line in (*self.run.notes, *self.settings.notes):
            logger.info("%s", line)
        for line in (*throwaway_warning(self.run), *self.settings.warnings):
            logger.warning("%s", line)
        self._streams = Streams(self.run.rule_book, has_ledger=self.settings.ledger_url is not None)
        allowed = {
            Bucket.EVENTS: self.settings.requests_per_minute,
            Bucket.SUPPORT: self.settings.support_requests_per_minute,
        }
        self._progress = Progress(self.run.report, allowed, self.run.quota.share_of_month)
        self._asked_who = False
        self._said_version = False
        if self._signals.any_came:  # one came while the run was built
            self.run.engine.stop()
        reader.drive(self.run.engine, self._progress, self._must_end)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings that work here, and none that do nothing."""
        super().append_builtin_config(config_jsonschema)
        known.hide_meaningless(config_jsonschema)

    @classmethod
    def environment_config(cls) -> dict[str, Any]:
        """Return the settings that the environment gives, each in its own type."""
        return known.environment_config(os.environ)

    # messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """Make the sinks of a stream, and hold their rules against its schema."""
        stream, schema = message_dict.get("stream"), message_dict.get("schema")
        if not isinstance(stream, str) or not isinstance(schema, dict):
            raise self.message_reader.input_fault("is a SCHEMA without a stream or a schema [ZE403]")
        keys = message_dict.get("key_properties") or []
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise self.message_reader.input_fault("is a SCHEMA whose key_properties are no list of names [ZE403]")
        maps = self.mapper.stream_maps.get(stream)
        if maps and maps[0].raw_schema == schema and list(maps[0].raw_key_properties or []) == keys:
            return
        self.run.checkpoints.see(stream)
        self.run.dead_letters.note_schema(stream, self.message_reader.line)
        self._map(stream, schema, keys)
        for _, former in self._sinks.get(stream, ()):
            former.clean_up()
        try:
            sinks = tuple((stream_map, self._sink_for(stream_map)) for stream_map in self.mapper.stream_maps[stream])
        except Exception as fault:
            raise self.message_reader.input_fault(_useless(stream, fault)) from fault
        self._sinks[stream] = sinks
        for stream_map, sink in sinks:
            self.run.digests.note_schema(sink.stream_name, sink.schema)
            self._hold_against_rules(sink, is_dropped=isinstance(stream_map, RemoveRecordTransform))

    def _map(self, stream: str, schema: dict[str, Any], keys: list[str]) -> None:
        try:
            self.mapper.register_raw_stream_schema(stream, schema, keys)
        except Exception as fault:
            if self.settings.sdk_config.get("stream_maps"):
                message = f"stream_maps: stream {stream}: {fault} [ZE123]"
                raise ConfigurationError(message) from fault
            raise self.message_reader.input_fault(_useless(stream, fault)) from fault

    def _sink_for(self, stream_map: StreamMap) -> EventSink:
        """Return a new sink for one map of a stream: two streams may share the name that maps give them."""
        schema: dict[str, Any] = stream_map.transformed_schema
        sink = EventSink(
            self,
            stream_map.stream_alias,
            schema if "properties" in schema else {**schema, "properties": {}},
            stream_map.transformed_key_properties,
        )
        sink.takes_as_is = isinstance(stream_map, SameRecordTransform) and not stream_map.flattening_enabled
        return sink

    def _hold_against_rules(self, sink: EventSink, *, is_dropped: bool) -> None:
        stream = sink.stream_name
        if self._streams.is_test(stream):
            sink.rules = ()
            self.run.engine.allow_state()
            if not self._asked_who:
                self._asked_who = True
                self.run.engine.check_credentials()
            return
        try:
            sink.rules = self._streams.see(stream, sink.schema, sink.key_properties, is_dropped=is_dropped)
        except ConfigurationError as fault:
            self.run.engine.stop_stream(stream, fault, drops=False)
        if self._streams.any_matched:
            self.run.engine.allow_state()
        if self.run.keys is not None and sink.takes_as_is:
            footing = self.run.digests.of(stream), self.run.ledger.forgotten_mark
            sink.fingerprint = self.run.keys.fingerprints(stream, sink.key_properties, *footing)

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Hand a record to the sender, once for each of its stream maps."""
        stream, record = message_dict.get("stream"), message_dict.get("record")
        if not isinstance(stream, str) or not isinstance(record, dict):
            raise self.message_reader.input_fault("is a RECORD without a stream or a record [ZE403]")
        sinks = self._sinks.get(stream)
        if sinks is None:
            raise self.message_reader.input_fault("is a RECORD that came before the SCHEMA of its stream [ZE405]")
        replayed = DeadLetter.of(message_dict) if "dead_letter" in message_dict else None
        for stream_map, sink in sinks:
            if replayed is None or not replayed.is_for_another(stream_map.stream_alias, (one for one, _ in sinks)):
                self._take(stream_map, sink, stream, record, replayed)

    def _take(
        self,
        stream_map: StreamMap,
        sink: EventSink,
        stream: str,
        record: dict[str, Any],
        replayed: DeadLetter | None,
    ) -> None:
        alias, reader = stream_map.stream_alias, self.message_reader
        if alias in self.run.engine.stopped:
            self.run.report.count_record(alias, "skipped")
            self.run.engine.skip(stream)
            return
        number = 0 if self.command == "replay" else reader.line_number  # of an input that nobody has seen
        work = Work(reader.line, stream, alias, number, replayed)
        try:
            transformed = record if sink.takes_as_is else stream_map.transform(record)
        except Exception as fault:  # noqa: BLE001 - whatever a user's expression raises
            work.invalid = f"a stream map cannot be applied ({type(fault).__name__}) [ZE702]"
            self.run.engine.take(work)
            return
        sink.count()
        if not self._streams.has_rules and not self._streams.is_test(alias):
            return  # read on for more SCHEMAs: each gets a proposal at the end
        sink.fill(work, transformed, is_too_deep=reader.is_too_deep)
        if self._streams.untold:
            self._streams.tell_of_identifiers(work.matches)
        self.run.engine.take(work)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Note a STATE; its value is passed on as the tap wrote it."""
        if "value" not in message_dict:
            raise self.message_reader.input_fault("is a STATE without a value [ZE403]")
        if self._streams.lacks_rules:
            return
        value = lenient.members(self.message_reader.line)["value"]
        self.run.checkpoints.note(bytes(value))

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002
        """Say once that a version takes nothing away: only a rule that says so deletes."""
        if not self._said_version:
            self._said_version = True
            logger.info("ACTIVATE_VERSION takes nothing away here: only a rule with delete does")

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Have the files of a BATCH read, whose records come as RECORDs do."""
        self.message_reader.read_files(message_dict, self.mapper.stream_maps, self.settings.batch_root)

    def _write_state(self, value: bytes) -> None:
        if self.settings.writes_state:
            self._state_out.write(value)

    def reached(self, step: str) -> None:
        """A step of a shipment's life is durable; tests end the process here, to see what a crash leaves."""

    def all_settled(self) -> None:
        """All is settled that will be, before it is told: a replay clears its files away."""

    # the end

    def _must_end(self) -> bool:
        return self._signals.end_at_once or self._streams.has_seen_enough

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's signature
        """Stop in a stated time; a further signal, but for one that comes with the first, stops at once."""
        self._signals.take(signum)
        if hasattr(self, "run"):
            self.run.engine.stop()

    def process_endofpipe(self) -> None:
        """Settle what came back, tell how it went, and set the exit code."""
        from target_zendesk_events.ending import exit_code, fault_of_open_claims  # noqa: PLC0415 - not for `--about`

        engine = self.run.engine
        fault = engine.failure or self.message_reader.fault or self._fault_of_rules()
        if not self._streams.any_seen and not fault:
            engine.allow_state()
        engine.end()
        fault = fault or engine.failure or fault_of_open_claims(self.run.ledger)
        self._streams.warn_of_unmatched()
        for _, sink in itertools.chain(*self._sinks.values()):
            sink.clean_up()
        faults = [*([fault] if fault else []), *engine.stopped.values()]
        counts_set_aside = self.settings.fail_on_set_aside
        self.exit_code = exit_code(self._signals.first, faults, self.run.report, counts_set_aside=counts_set_aside)
        if fault is not None and not self._signals.any_came:
            log_fault(fault)
        self.run.dead_letters.close()  # the report may need the files that they hold open
        self.all_settled()
        self.tell(fault)
        with contextlib.suppress(StorageError):  # what it says was said already, or nothing is left to be lost
            self.run.close(self.exit_code)

    def tell(self, fault: TargetError | None) -> None:
        """Tell how the run went, and leave its report; `fault` has ended it."""
        from target_zendesk_events.ending import tell  # noqa: PLC0415

        self.run.report.arrange(rule.name for rule in self.run.rule_book.rules)
        faults = [*([fault] if fault else []), *self.run.engine.stopped.values()]
        about = {
            "command": self.command,
            "version": self.get_plugin_version(),
            "started": in_utc(self._started),
            "exit_code": self.exit_code,
            "requests_per_minute": self.settings.requests_per_minute,
            "support_requests_per_minute": self.settings.support_requests_per_minute,
            "stopped_by": type(fault).__name__ if fault else None,
            "codes": list(dict.fromkeys(code for one in faults for code in one.codes)),
        }
        tell(self.run, self._progress, about)

    def _fault_of_rules(self) -> TargetError | None:
        streams = self._streams
        if streams.lacks_rules and not self._signals.any_came:
            return streams.without_rules(self.settings.empty, has_source=bool(self.settings.source))
        if self._signals.any_came or not streams.any_seen or streams.any_matched:
            return None
        return streams.without_match()


def main() -> None:
    """Run `target-zendesk-events`. Until the target handles signals, Ctrl-C ends the process as any other signal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    escape_log()
    if sys.stderr is None:  # closed: a file of ours must not take its place
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end of the process
    try:
        TargetZendeskEvents.cli()
    finally:
        drop_what_cannot_be_said()


def _useless(stream: str, fault: Exception) -> str:
    return f"is the SCHEMA of stream {stream}, which cannot be used ({type(fault).__name__}) [ZE404]"

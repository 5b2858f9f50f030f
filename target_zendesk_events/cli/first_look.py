"""What proposed rules would set aside of the very records that they were proposed from."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from target_zendesk_events.cli.configuration import offline
from target_zendesk_events.cli.rules_text import Stream
from target_zendesk_events.mapping.proposal import propose, to_choose

WHAT_COUNTS = ("source", "timezone", "blocked_identifier_values", "validate_records")
"""Settings that say what is made of a record as the tap sends it."""


def would_be_set_aside(
    streams: Sequence[Stream], messages: bytes, config: Mapping[str, Any]
) -> Mapping[str, Sequence[str]]:
    """Return for each stream why records of it would be set aside, a sentence for each reason."""
    from target_zendesk_events.cli.preview import Previewing  # noqa: PLC0415 - where there are records alone

    rules = [rule for one in streams if not to_choose(*one) for rule in yaml.safe_load(propose(*one))]
    if not rules:
        return {}
    chosen = {name: config[name] for name in WHAT_COUNTS if config.get(name) is not None}
    settings = {"source": "my_system", **chosen, "rules": rules, "ledger_url": "none"}
    logging.disable(logging.CRITICAL)
    try:
        target = Previewing(config=offline(settings))
        target.limit = 0
        target.listen(io.BytesIO(messages))  # type: ignore[arg-type]  # the reader takes bytes
    finally:
        logging.disable(logging.NOTSET)
    return {name: list(counts.reasons.told()) for name, counts in target.run.report.streams.items()}

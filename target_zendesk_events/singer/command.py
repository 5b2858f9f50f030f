"""The target's command: the SDK's own, every end of it an exit code, and no customer's value in its log."""

from __future__ import annotations

import gc
import json
import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities

from target_zendesk_events.errors import ConfigurationError, NoRulesError, TargetError
from target_zendesk_events.escaping import say_beside_log
from target_zendesk_events.open_files import hint, raise_limit
from target_zendesk_events.signals import ignore_from_here

if TYPE_CHECKING:
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.singerlib.encoding.base import GenericSingerReader

logger = logging.getLogger("target-zendesk-events")


class CommandTarget(Target):
    """A target as a command: what a user meets before the first message and after the last."""

    capabilities = (*Target.capabilities, PluginCapabilities.BATCH)  # type: ignore[assignment]
    exit_code = 0
    """What the process ends with, once all input is dealt with."""

    def _let_the_sdk_begin(self, sdk_config: Mapping[str, Any], reader: GenericSingerReader[bytes]) -> None:
        """Let the SDK read its own settings, in silence: the log begins with the ledger. Raises ConfigurationError."""
        disabled = logging.root.manager.disable
        logging.disable(logging.INFO)
        try:
            super().__init__(config=dict(sdk_config), message_reader=reader)
        except ConfigValidationError as fault:
            raise ConfigurationError(map(_told_by_the_sdk, fault.errors)) from fault
        except Exception as fault:
            why = str(fault) or type(fault).__name__
            message = f"stream_maps, or what belongs to them, cannot be used: {why} [ZE123]"
            if sdk_config.get("flattening_enabled") and not sdk_config.get("flattening_max_depth"):
                message = (
                    "flattening_enabled is true, and flattening_max_depth says nothing; "
                    "accepted: a depth of 1 or more [ZE121]"
                )
            raise ConfigurationError(message) from fault
        finally:
            logging.disable(disabled)

    @classmethod
    def environment_config(cls) -> dict[str, Any]:
        """Return the settings that the environment gives, each in its own type."""
        return {}

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the configuration: files in their order, the environment where `ENV` or nothing is given."""
        try:
            given = super().cb_config(ctx, param, tuple(one for one in value if one == "ENV"))
            for path in (one for one in value if one != "ENV"):
                given.config |= _json_in(path)
        except (OSError, ValueError, TypeError) as fault:
            path = next((one for one in value if one != "ENV" and not _holds_object(one)), "a configuration file")
            why = f": {getattr(fault, 'strerror', fault)}" if isinstance(fault, OSError | ValueError) else ""
            message = f"{path} cannot be read as a JSON object{why} [ZE106]"
            raise click.BadParameter(message, ctx, param) from fault
        if given.parse_env or not value:
            given.config |= cls.environment_config()
            given.parse_env = False
        return given

    @classmethod
    def invoke(  # type: ignore[override]  # the SDK's own targets differ from its base in the same way
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target; every end is an exit code, and no customer's value is logged."""
        if about:
            cls.print_about(about_format)
            sys.exit(0)
        raise_limit()
        try:
            target = cls(config=config.config if config else {})
            _collect_from_here()
            target.listen(file_input)
        except TargetError as fault:
            log_fault(fault)
            sys.exit(fault.exit_code)
        except Exception as fault:  # noqa: BLE001 - a traceback may quote a customer, so only the place is named
            _log_bug(fault)
            sys.exit(1)
        ignore_from_here()
        sys.exit(target.exit_code)


def _collect_from_here() -> None:
    """Wake Python's collector of cycles, where the script had it rest; what there is by now it need never look at."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def log_fault(fault: TargetError) -> None:
    """Log an error that ends a run, a line for each thing to mend."""
    for sentence in fault.sentences:
        logger.error("%s", sentence)
    _log_hint(fault)
    if isinstance(fault, NoRulesError):
        say_beside_log(fault.proposal)


def _log_hint(fault: BaseException) -> bool:
    """Log what to do where files could not be opened, wherever that was; tell whether it was so."""
    sentence = hint(fault)
    if sentence is not None:
        logger.error("%s", sentence)
    return sentence is not None


def _told_by_the_sdk(error: str) -> str:
    """Return the sentence for what the SDK finds wrong with a setting of its own; it quotes the value, we do not."""
    return (
        f"config{error.rpartition(' in config')[2]} does not hold what the SDK's documentation asks for there [ZE122]"
    )


def _log_bug(fault: Exception) -> None:
    if _log_hint(fault):
        return
    place = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    logger.critical(
        "the run ended by a fault of the target itself: %s in %s; STATE is safe [ZE901]", type(fault).__name__, where
    )


def _json_in(path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a file holds; Python tells from its first bytes how it is encoded, and passes over a mark there."""
    return json.loads(Path(path).read_bytes())


def _holds_object(path: str) -> bool:
    try:
        return isinstance(_json_in(path), dict)
    except (OSError, ValueError):
        return False

"""The two console scripts: until all is imported, Ctrl-C ends the process as any other signal, with no traceback.

Until the target reads, Python's collector of cycles rests: what is imported and built stays to the end, and to look it
through again and again takes an eighth of the start.
"""

from __future__ import annotations

import gc
import signal


def target_zendesk_events() -> None:
    """Run `target-zendesk-events`, which handles signals itself as soon as it reads."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from target_zendesk_events.target import main  # noqa: PLC0415 - a second's worth of imports

    main()


def zendesk_events() -> None:
    """Run `zendesk-events`; its verbs take Ctrl-C as Python does."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from target_zendesk_events.cli import main  # noqa: PLC0415

    signal.signal(signal.SIGINT, before)
    main()

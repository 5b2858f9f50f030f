"""Who takes part."""

from __future__ import annotations

from benchmarks.contest.contenders.contender import Contender
from benchmarks.contest.contenders.dlt_destination import DltDestination
from benchmarks.contest.contenders.drt import Drt
from benchmarks.contest.contenders.hotglue import Hotglue
from benchmarks.contest.contenders.loop import Loop
from benchmarks.contest.contenders.ours import Ours
from benchmarks.contest.contenders.serial import SerialSink

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        Ours("verify"),
        Ours("retry"),
        Ours("hold"),
        SerialSink(),
        Loop(),
        DltDestination(),
        Hotglue(),
        Drt(),
    )
}

"""Data that looks like the real thing, of any size, the same from the same seed."""

from collections.abc import Callable, Iterator

from sparkyard.samples import events, losses, marts, purchases, sensors, trace, wdi

# A family gives files: their name in the sample's folder, and their bytes.
Generator = Callable[[float, int, float], Iterator[tuple[str, bytes]]]
FAMILIES: dict[str, Generator] = {
    "events": events.make_files,
    "losses": losses.make_files,
    "marts": marts.make_files,
    "purchases": purchases.make_files,
    "sensors": sensors.make_files,
    "trace": trace.make_files,
    "wdi": wdi.make_files,
}

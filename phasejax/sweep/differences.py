"""What two sweeps differ in, in sentences."""

import json

from phasejax.sweep.spec import SweepSpec, parse_spec


def differences(there: dict, here: dict) -> list[str]:
    """Sentences naming what two specifications, as JSON tables, differ in: fields, or else the order of axes and labels."""
    return _fields(there, here) or _orders(parse_spec(there), parse_spec(here))


def _orders(there: SweepSpec, here: SweepSpec) -> list[str]:
    """Sentences naming what two specifications that are else the same have in another order: axes, or labels."""
    orders = [("axes", there.axes, here.axes)]
    labels = there.kind.dimensions(there), here.kind.dimensions(here)
    orders += [(f"{name}s", labels[0][name], labels[1][name]) for name in labels[0]]
    return [
        f"the {what} are in the order {', '.join(map(str, old))} there and {', '.join(map(str, new))} here"
        for what, old, new in orders
        if list(old) != list(new)
    ]


def _fields(there: dict, here: dict, prefix: str = "") -> list[str]:
    """Sentences naming each field in which two nested specifications differ."""
    found = []
    for field in sorted(there.keys() | here.keys()):
        old, new = there.get(field), here.get(field)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _fields(old, new, f"{prefix}{field}.")
        elif old != new:
            found.append(f"{prefix}{field} is {_shown(old)} there and {_shown(new)} here")
    return found


def _shown(value) -> str:
    return "absent" if value is None else json.dumps(value)

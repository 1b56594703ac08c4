"""A sequence in plain lines, which a stranger can send again with curl. No line holds a code."""

import json

from .pages import named
from .stage import Stage
from .steps import (
    AnyStep,
    AtOnce,
    OrderStep,
    RegisterStep,
    ScanStep,
    Single,
    UploadStep,
)


def told(stage: Stage, steps: tuple[AnyStep, ...]) -> tuple[str, ...]:
    """The steps, after the registrations with which every run begins."""
    lines = [line(stage, RegisterStep(number)) for number in range(len(stage.names))]
    for step in steps:
        if isinstance(step, AtOnce):
            lines.append(f"at once: {' | '.join(line(stage, part) for part in step.steps)}")
        else:
            lines.append(line(stage, step))
    return tuple(lines)


def line(stage: Stage, step: Single) -> str:
    """A step as method, address and body."""
    path = stage.path(step)
    match step:
        case RegisterStep():
            return f"PUT {path} {_json(stage.registration(step.batch, step.changed))}"
        case UploadStep():
            return f"PUT {path}, the body {_uploaded(stage, step)}"
        case OrderStep():
            return f"PUT {path} {_json(stage.body(step))}"
        case ScanStep():
            return f"POST {path} with {_scanned(stage, step)}"
        case _:
            return f"GET {path}"


def _json(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False)


def _uploaded(stage: Stage, step: UploadStep) -> str:
    own = [code.serial for code in step.codes]
    straight = list(range(step.first, step.first + len(own)))
    if own == straight and not any(code.variant or code.batch != step.batch for code in step.codes):
        last = step.first + len(own) - 1
        return f"the fingerprints of the codes of serials {step.first}-{last}"
    return "the fingerprints of " + ", ".join(named(stage, code) for code in step.codes)


SPELT = ("as it was drawn", "in small letters", "in groups", "with small letters and O for 0")


def _scanned(stage: Stage, step: ScanStep) -> str:
    text = f"{named(stage, step.code)}, {SPELT[step.typed]}"
    return text if step.scan_id is None else f'{text}, scan_id "{stage.scan_id(step.scan_id)}"'

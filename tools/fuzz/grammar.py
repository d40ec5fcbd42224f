"""JSON messages of the contract, made from its pydantic models, whole and spoiled.

A new message or field is fuzzed without a word here: the values come from the models' JSON schema.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from random import Random
from typing import Any, get_args

from matinee.wire.client_messages import ClientMessage, SessionEnd, SessionInit

Schema = dict[str, Any]

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**18, -(10**400), 1e308, float("nan"), float("inf"), "", " "),
    *("\0", "\ud800", "a" * 9000, "é日本🎬", [], {}, [[]], {"a": {"b": [1]}}, "1", b"\x00".hex()),
    *("\x1b[2J", "\u202e", "-0", 2**63, 2**64, 1e-320, [None] * 300, {"type": {"type": []}}),
)
SMALL: dict[str, tuple[int, ...]] = {
    "width": (16, 32, 48, 33, 0, -1, 10**6),
    "height": (16, 32, 48, 33, 0, -1, 10**6),
    "num_frames": (1, 9, 17, 25, 10, 0, 5000),
    "num_inference_steps": (1, 2, 4, 0, 201, 1000),
}
"""What decides how much work a segment is: this is a test of bounds, not of endurance."""
MODELS = get_args(ClientMessage)
SCHEMAS: tuple[Schema, ...] = tuple(model.model_json_schema() for model in MODELS)
INIT_SCHEMA = SessionInit.model_json_schema()
TYPES = tuple(
    kind
    for model in MODELS
    if model is not SessionEnd
    for kind in get_args(model.model_fields["type"].annotation)
)
WEIGHTS = tuple(0.1 if model is SessionEnd else 1.0 for model in MODELS)
"""A session that ends at once tries nothing else."""
MOST_CHARACTERS = 19_000


def message(rng: Random) -> dict[str, Any]:
    """One that keeps the contract, but for values at the edge of their ranges."""
    return _object(rng, rng.choices(SCHEMAS, WEIGHTS)[0], 0.3)


def init(rng: Random) -> dict[str, Any]:
    """A first message that most likely opens a session."""
    fields = _object(rng, INIT_SCHEMA, 0.05)
    for refused in ("resume", "adapters", "mode"):
        fields.pop(refused, None)
    return fields


def spoiled(rng: Random) -> dict[str, Any]:
    """A message with one to three mistakes."""
    fields = message(rng)
    for _ in range(rng.randint(1, 3)):
        name = rng.choice([*fields, "extra", "width", "fps"])
        if rng.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = odd_value(rng, 2)
    if rng.random() < 0.6:
        fields["type"] = rng.choice(TYPES)
    return fields


def odd_value(rng: Random, depth: int) -> Any:
    """Any JSON value, with a liking for those that are often forgotten."""
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(ODD_VALUES)
    if rng.random() < 0.5:
        return [odd_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    names = ["".join(rng.choices(string.printable, k=rng.randint(0, 6))) for _ in range(3)]
    return {name: odd_value(rng, depth - 1) for name in ("type", *names)}


def text(rng: Random) -> str:
    """What a client sends as one text: most of them JSON, some nearly."""
    makers = (message, spoiled, _anything, _nested, _damaged)
    made = rng.choices(makers, (30, 45, 12, 3, 10))[0](rng)
    return made[:MOST_CHARACTERS] if isinstance(made, str) else dumped(made)


def dumped(value: Any) -> str:
    """With NaN, and with lone surrogates escaped."""
    return json.dumps(value)[:MOST_CHARACTERS]


def _anything(rng: Random) -> Any:
    return odd_value(rng, 3)


def _nested(rng: Random) -> str:
    depth = rng.choice((10, 300, 9000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}"), ('{"type":', "}"), ("[{},", "]")))
    return (opening * depth + "0" + closing * depth)[:MOST_CHARACTERS]


def _damaged(rng: Random) -> str:
    """A message in which characters were lost, doubled or changed."""
    whole = dumped(message(rng))
    at = rng.randrange(len(whole))
    damage: tuple[Callable[[], str], ...] = (
        lambda: whole[:at],
        lambda: whole[at:],
        lambda: whole[:at] + rng.choice(string.printable) + whole[at + 1 :],
        lambda: (
            whole[:at]
            + rng.choice(('"', "\\", "\0", "\ufeff", "/*", "1e999", "\\ud800"))
            + whole[at:]
        ),
        lambda: whole[:at] + whole[at // 2 :],
        lambda: whole.replace("{", '{"type":"session_end",', 1),
    )
    return rng.choice(damage)()


def _object(rng: Random, schema: Schema, chance: float) -> dict[str, Any]:
    """With its required keys, and each other one with this chance."""
    required = schema.get("required", ())
    definitions = schema.get("$defs", {})
    return {
        name: rng.choice(SMALL[name]) if name in SMALL else _value(rng, inner, definitions)
        for name, inner in schema.get("properties", {}).items()
        if name in required or rng.random() < chance
    }


def _value(rng: Random, schema: Schema, definitions: dict[str, Schema]) -> Any:
    if "anyOf" in schema:
        return _value(rng, rng.choice(schema["anyOf"]), definitions)
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return _object(rng, {**target, "$defs": definitions}, 0.5)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    return _plain(rng, schema, definitions)


def _plain(rng: Random, schema: Schema, definitions: dict[str, Schema]) -> Any:
    match schema.get("type"):
        case "string":
            return _string(rng, schema)
        case "integer" | "number":
            low, high = schema.get("minimum", -5), schema.get("maximum", 300)
            return rng.choice((low, high, low - 1, high + 1, rng.uniform(low, high) // 1))
        case "boolean":
            return rng.random() < 0.5
        case "array":
            items = schema.get("items", {})
            return [_value(rng, items, definitions) for _ in range(rng.choice((0, 1, 2, 2, 101)))]
        case "null":
            return None
        case _:
            return odd_value(rng, 2)


def _string(rng: Random, schema: Schema) -> str:
    longest = schema.get("maxLength", 8192)
    size = rng.choice((schema.get("minLength", 0), 1, 3, 3, 3, 20, 20, 20, longest, longest + 1))
    return ("".join(rng.choices("ab é\n\u202e\x1b🎬", k=3)) * (size // 3 + 1))[:size]

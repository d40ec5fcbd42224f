"""What a language model answered -> prompts, whatever form it chose. Pure.

Models are asked for plain lines, and send JSON, numbered lists, quotes, fences and polite sentences
around what was asked for. All of it is bounded: an answer may be anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_CHARACTERS = 64 * 1024
"""Of an answer; what comes later is not read."""
MOST_DEPTH = 4

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*```[\w-]*[ \t]*$", re.MULTILINE)
_MARK = re.compile(
    r"^\s*(?:[-*•\u2013\u2014]|\(?\d{1,3}[.):\]]|\*\*\d{1,3}[.):]?\*\*[.):]?|[a-hA-H][.)]"
    r"|(?:option|alternative|variation|version|prompt|rewrite)\s*\d{0,3}\s*[:.)-])\s+",
    re.IGNORECASE,
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "«": "»", "`": "`", "„": "“"}
_TOLD_BEFORE = re.compile(r"^(?:here (?:is|are)|sure|certainly|of course|okay|ok)\b.*[:!]$", re.I)
_JSON_NAMES = ("prompt", "text", "enhanced_prompt", "alternative", "content", "rewrite")


def one_prompt(answer: str, most_characters: int) -> str | None:
    """None: there is none in it."""
    found = several_prompts(answer, 1, most_characters, joined=True)
    return found[0] if found else None


def several_prompts(
    answer: str, count: int, most_characters: int, *, joined: bool = False
) -> tuple[str, ...]:
    """At most so many, each once, in their order. `joined`: lines without marks are one prompt."""
    text = _FENCE.sub("", _THOUGHTS.sub("", answer[:MOST_CHARACTERS])).strip()
    texts = _from_json(text)
    if texts is None:
        texts = [*_from_lines(text, joined=joined)]
    clean = (_clean(one, most_characters) for one in texts)
    return tuple(dict.fromkeys(filter(None, clean)))[:count]


def _from_json(text: str) -> list[str] | None:
    """None: it is none."""
    starts = [at for mark in "[{" if (at := text.find(mark)) >= 0]
    if not starts:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, min(starts))
    except (ValueError, RecursionError):
        return None
    return [*_texts(value, MOST_DEPTH)] or None


def _texts(value: Any, depth: int) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() if depth:
            for one in value:
                yield from _texts(one, depth - 1)
        case dict() if depth:
            named = [value[name] for name in _JSON_NAMES if isinstance(value.get(name), str)]
            yield from named[:1] or _inner(value, depth)


def _inner(value: dict[str, Any], depth: int) -> Iterator[str]:
    """Of an object without a known name its lists and objects, or its texts."""
    nested = [one for one in value.values() if isinstance(one, list | dict)]
    for one in nested or value.values():
        yield from _texts(one, depth - 1)


def _from_lines(text: str, *, joined: bool) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line.strip() and not _is_polite(line)]
    marked = [line for line in lines if _MARK.match(line)]
    if marked:
        yield from marked
    elif joined:
        yield " ".join(lines)
    else:
        yield from lines


def _is_polite(line: str) -> bool:
    """A line about the prompts, and none of them."""
    line = line.strip().strip("*#").strip()
    return line.endswith(":") or bool(_TOLD_BEFORE.match(line))


def _clean(text: str, most_characters: int) -> str:
    """One line of characters that can be seen, without what stands around it; cut at a word."""
    text = _MARK.sub("", text).strip().strip("*").strip()
    for _ in range(3):
        if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
            text = text[1:-1].strip()
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(text) <= most_characters:
        return text
    return text[: most_characters + 1].rpartition(" ")[0] or text[:most_characters]

"""Reading what the reasoner wrote: `<think>…</think><answer>…</answer>`, where the answer is a rating or a degradation.

An answer is a bare value or JSON, alone or in a fenced block, with any white space around it. Whatever leaves a doubt is
refused, and the reason given: nothing is guessed, and no value is made up for an answer that cannot be read.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .prompts import DEGRADATIONS, SEVERITIES

Completion = str | Sequence[dict[str, Any]]
"""What a model wrote, as TRL passes it: a text, or the messages of a conversation."""

FENCED = re.compile(r"```[\w-]*\s(.*?)```", re.DOTALL)
FORMAT = re.compile(
    r"\s*(?:```[\w-]*\s+)?<think>(?P<think>.*)</think>\s*(?:```[\w-]*\s+)?<answer>.*</answer>\s*(?:```\s*)?",
    re.DOTALL,
)
NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
SHOWN = 80  # characters of an unreadable answer that its problem quotes


@dataclass(frozen=True)
class Parsed:
    """A rating, or `problem`, which says why there is none; and the reasoning where it is marked as such."""

    rating: float | None
    reasoning: str | None
    problem: str | None


@dataclass(frozen=True)
class ParsedDegradation:
    """A class of `DEGRADATIONS` and a severity of `SEVERITIES` (None: not said, or "null"), or `problem`."""

    degradation: str | None
    severity: str | None
    reasoning: str | None
    problem: str | None


class _Unreadable(ValueError):
    """Why an answer cannot be read."""


def parse_rating(completion: Completion, score_range: tuple[float, float] = (1.0, 5.0)) -> Parsed:
    """Read the rating of a completion: a number in `score_range`, bare or as JSON under the key "rating".

    Never raises on what a model wrote: an answer that is missing, cut short, given twice, in words, not finite or out
    of range has `rating` None and a `problem`.
    """
    text = completion_text(completion)
    try:
        return Parsed(_rating(_answer(text), score_range), _reasoning(text), None)
    except _Unreadable as problem:
        return Parsed(None, _reasoning(text), str(problem))


def parse_degradation(completion: Completion) -> ParsedDegradation:
    """Read the degradation and its severity: JSON with these keys, or the two words in any order.

    Never raises on what a model wrote. A class without a severity is readable; "null" with a severity is not.
    """
    text = completion_text(completion)
    try:
        return ParsedDegradation(*_degradation(_answer(text)), _reasoning(text), None)
    except _Unreadable as problem:
        return ParsedDegradation(None, None, _reasoning(text), str(problem))


def follows_format(completion: Completion, task: str = "rating") -> bool:
    """Whether the completion is reasoning and an answer that can be read in their tags, and nothing else.

    White space between and around the tags is free, and a fenced block may enclose the whole or the answer.

    Args:
        completion: of a model.
        task: "rating" or "degradation", which says what can be read.
    """
    text = completion_text(completion)
    match = FORMAT.fullmatch(text) if all(text.count(tag) == 1 for tag in TAGS) else None
    parsed = (parse_degradation if task == "degradation" else parse_rating)(text)
    return match is not None and bool(match["think"].strip()) and parsed.problem is None


def completion_text(completion: Completion) -> str:
    """The text of a completion: itself, or what the assistant's messages say.

    Where the chat template parts the reasoning from the content, as `reasoning_content` or `thinking` of the message, it
    gets its tags back.
    """
    if isinstance(completion, str):
        return completion
    return "".join(_message_text(message) for message in completion if message.get("role") == "assistant")


def _message_text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text") or "" for part in content)
    reasoning = message.get("reasoning_content") or message.get("thinking")
    return f"<think>{reasoning}</think>{content}" if reasoning else content


def _reasoning(text: str) -> str | None:
    if text.count("<think>") != 1 or text.count("</think>") != 1:
        return None
    return text.partition("</think>")[0].partition("<think>")[2].strip() or None


def _answer(text: str) -> str:
    """What the one pair of answer tags encloses, without a fence and white space around it."""
    openings, closings = text.count("<answer>"), text.count("</answer>")
    if openings == 0:
        raise _Unreadable("no <answer>")
    if openings > 1 or closings > 1:
        raise _Unreadable(f"{max(openings, closings)} answers, which leaves open which one counts")
    start = text.index("<answer>") + len("<answer>")
    end = text.find("</answer>", start)
    if end < 0:
        raise _Unreadable("<answer> is not closed by </answer>: the completion may have been cut short")
    answer = text[start:end].strip()
    fenced = FENCED.fullmatch(answer)
    return fenced[1].strip() if fenced else answer


def _rating(answer: str, score_range: tuple[float, float]) -> float:
    written: Any = answer
    if answer.startswith("{"):
        fields = _json_fields(answer)
        if "rating" not in fields:
            raise _Unreadable(f"no key rating in {_shown(answer)}")
        written = fields["rating"]
    if isinstance(written, str):
        if not NUMBER.fullmatch(written.strip()):
            raise _Unreadable(f"not one number, nor JSON with the key rating: {_shown(answer)}")
        written = float(written)
    if not isinstance(written, float):
        raise _Unreadable(f"the rating is not a number: {_shown(answer)}")
    low, high = score_range
    if not low <= written <= high:
        raise _Unreadable(f"the rating {written:g} is not in {low:g}–{high:g}")
    return written


def _degradation(answer: str) -> tuple[str, str | None]:
    if answer.startswith("{"):
        fields = _json_fields(answer)
        if "degradation" not in fields:
            raise _Unreadable(f"no key degradation in {_shown(answer)}")
        values = fields["degradation"], fields.get("severity")
        if not all(value is None or isinstance(value, str) for value in values):
            raise _Unreadable(f"degradation and severity are not words: {_shown(answer)}")
        named, how_strong = ("null" if value is None else value.strip().lower() for value in values)
        classes, severities = {named}, {how_strong} - {"null"}
    else:
        words = set(re.findall(r"[^\W_]+", answer.lower()))
        severities = words & set(SEVERITIES)
        classes = words - severities
    if len(classes) != 1 or not classes <= set(DEGRADATIONS):
        raise _Unreadable(f"not one of {', '.join(DEGRADATIONS)}: {_shown(answer)}")
    if len(severities) > 1 or not severities <= set(SEVERITIES):
        raise _Unreadable(f"not one of {', '.join(SEVERITIES)}: {_shown(answer)}")
    degradation, severity = classes.pop(), next(iter(severities), None)
    if degradation == "null" and severity is not None:
        raise _Unreadable(f"no degradation, and yet a severity: {_shown(answer)}")
    return degradation, severity


def _json_fields(answer: str) -> dict[str, Any]:
    """The fields of a JSON object, numbers as float; a key given twice with different values is a doubt."""

    def as_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if any(fields[key] != value for key, value in pairs):
            raise _Unreadable(f"a key with two values in {_shown(answer)}")
        return fields

    try:
        # Integers as floats, because one of thousands of digits is an error to int(); NaN and Infinity as words
        return json.loads(answer, object_pairs_hook=as_fields, parse_int=float, parse_constant=str)
    except _Unreadable:
        raise
    except (ValueError, RecursionError):
        raise _Unreadable(f"not JSON: {_shown(answer)}") from None


def _shown(answer: str) -> str:
    return repr(answer if len(answer) <= SHOWN else f"{answer[:SHOWN]}…")

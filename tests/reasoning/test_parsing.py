"""Reading completions: what is taken, what is refused and why, and that nothing a model writes makes it fail."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_rali.reasoning.parsing import completion_text, follows_format, parse_degradation, parse_rating
from modeling_rali.reasoning.prompts import DEGRADATIONS, SEVERITIES

FRAGMENTS = (
    "<think>", "</think>", "<answer>", "</answer>", "```json\n", "```", "{", "}", '"rating"', '"degradation"',
    '"severity"', ":", ",", " ", "\n", "4.2", "-1", "1e999", "NaN", "null", "[", "]", "noise", "slight", "é", "９",
)  # fmt: skip


def answered(answer: str) -> str:
    return f"<think>Sharp, a little noisy.</think><answer>{answer}</answer>"


@pytest.mark.parametrize(
    ("answer", "rating"),
    [
        ("3", 3.0),
        ("3.25", 3.25),
        (" \n 4.20\t", 4.2),
        ("5.", 5.0),
        ("+1.0", 1.0),
        ("4e0", 4.0),
        ('{"rating": 2.5}', 2.5),
        ('{"rating": 4}', 4.0),
        ('{"rating": "3.75"}', 3.75),
        ('{"rating": 3, "confidence": 0.9}', 3.0),
        ('{"rating": 3, "rating": 3.0}', 3.0),
        ('```json\n{"rating": 2.5}\n```', 2.5),
        ('\n```json {"rating":2.5}```\n', 2.5),
        ("```\n3.1\n```", 3.1),
    ],
)
def test_number_or_json_is_read(answer: str, rating: float) -> None:
    parsed = parse_rating(answered(answer))
    assert (parsed.rating, parsed.problem) == (rating, None)
    assert parsed.reasoning == "Sharp, a little noisy."


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "not one number"),
        ("three", "not one number"),
        ("3 or 4", "not one number"),
        ("3, 4", "not one number"),
        ("3,5", "not one number"),
        ("4.2/5", "not one number"),
        ("The rating is 4", "not one number"),
        ("nan", "not one number"),
        ("inf", "not one number"),
        ("٣", "not one number"),
        ("1_0", "not one number"),
        ("```json\n```", "not one number"),
        ("5.01", "5.01 is not in 1–5"),
        ("0.99", "0.99 is not in 1–5"),
        ("-3", "-3 is not in 1–5"),
        ("1e999", "inf is not in 1–5"),
        ("9" * 5000, "inf is not in 1–5"),
        ('{"rating": 7}', "7 is not in 1–5"),
        ('{"rating": ' + "9" * 5000 + "}", "inf is not in 1–5"),
        ('{"rating": NaN}', "not one number"),
        ('{"rating": true}', "not a number"),
        ('{"rating": [3]}', "not a number"),
        ('{"rating": null}', "not a number"),
        ('{"rating": "good"}', "not one number"),
        ('{"rating": 3, "rating": 4}', "a key with two values"),
        ('{"score": 3}', "no key rating"),
        ("{'rating': 3}", "not JSON"),
        ('{"rating": 3', "not JSON"),
        ('{"rating": 3} {"rating": 3}', "not JSON"),
        ("{" * 200_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
    ],
)
def test_doubtful_answer_is_refused_with_its_reason(answer: str, problem: str) -> None:
    parsed = parse_rating(answered(answer))
    assert parsed.rating is None
    assert parsed.problem is not None
    assert (
        parsed.problem.startswith(problem) or problem in parsed.problem or problem.replace("\\", "") in parsed.problem
    )
    assert len(parsed.problem) < 200
    assert parsed.reasoning == "Sharp, a little noisy."


@pytest.mark.parametrize(
    ("completion", "problem"),
    [
        ("", "no <answer>"),
        ("4.2", "no <answer>"),
        ("<think>good</think>4.2", "no <answer>"),
        ("<think>good</think><answer>4.2", "not closed"),
        ("<answer>4</answer><answer>4</answer>", "2 answers"),
        ("<think>perhaps <answer>3</answer></think><answer>4</answer>", "2 answers"),
        ("<answer>4</answer></answer>", "2 answers"),
        ("</answer>4<answer>", "not closed"),
    ],
)
def test_missing_cut_or_repeated_answer_is_refused(completion: str, problem: str) -> None:
    parsed = parse_rating(completion)
    assert parsed.rating is None
    assert problem in (parsed.problem or "")


@pytest.mark.parametrize(
    ("completion", "reasoning"),
    [
        ("<answer>3</answer>", None),
        ("<think></think><answer>3</answer>", None),
        ("<think>a<think>b</think><answer>3</answer>", None),
        ("</think>a<think><answer>3</answer>", None),
        ("<think>\n a \n</think>\n\n<answer>3</answer>", "a"),
    ],
)
def test_reasoning_is_what_one_pair_of_tags_encloses(completion: str, reasoning: str | None) -> None:
    assert parse_rating(completion).reasoning == reasoning
    assert parse_rating(completion).rating == 3.0


def test_other_scale() -> None:
    assert parse_rating(answered("62.5"), score_range=(0.0, 100.0)).rating == 62.5
    assert parse_rating(answered("3"), score_range=(0.0, 1.0)).problem == "the rating 3 is not in 0–1"


@pytest.mark.parametrize(
    ("answer", "degradation", "severity"),
    [
        ('{"degradation": "noise", "severity": "slight"}', "noise", "slight"),
        ('{"severity": "Obvious ", "degradation": "Blur"}', "blur", "obvious"),
        ('{"degradation": "blur"}', "blur", None),
        ('{"degradation": "blur", "severity": "null"}', "blur", None),
        ('{"degradation": null, "severity": null}', "null", None),
        ('{"degradation": "null", "severity": "null"}', "null", None),
        ('```json\n{"degradation": "darken", "severity": "serious"}\n```', "darken", "serious"),
        ("slight noise", "noise", "slight"),
        ("Compression, catastrophic.", "compression", "catastrophic"),
        ("null", "null", None),
        ("null, null", "null", None),
        ("moderate\nblur", "blur", "moderate"),
    ],
)
def test_degradation_is_read(answer: str, degradation: str, severity: str | None) -> None:
    parsed = parse_degradation(answered(answer))
    assert (parsed.degradation, parsed.severity, parsed.problem) == (degradation, severity, None)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "slight",
        "not noise",
        "noise or blur",
        "slight or moderate noise",
        "slight null",
        "grain",
        '{"degradation": "grain", "severity": "slight"}',
        '{"degradation": "noise", "severity": "strong"}',
        '{"degradation": "null", "severity": "slight"}',
        '{"degradation": "", "severity": "slight"}',
        '{"degradation": ["noise"], "severity": "slight"}',
        '{"degradation": "noise", "severity": 2}',
        '{"class": "noise"}',
        '{"degradation": "noise"',
    ],
)
def test_doubtful_degradation_is_refused(answer: str) -> None:
    parsed = parse_degradation(answered(answer))
    assert (parsed.degradation, parsed.severity) == (None, None)
    assert parsed.problem


@pytest.mark.parametrize(
    "completion",
    [
        "<think>a</think><answer>3</answer>",
        "\n<think>\na\n</think>\n\n<answer>\n3\n</answer>\n",
        '<think>a</think> <answer>```json\n{"rating": 3}\n```</answer>',
        "```\n<think>a</think><answer>3</answer>\n```",
        "<think>a</think>\n```json\n<answer>3</answer>\n```",
    ],
)
def test_format_is_followed(completion: str) -> None:
    assert follows_format(completion)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "<answer>3</answer>",
        "<think>a</think>3",
        "<answer>3</answer><think>a</think>",
        "Well: <think>a</think><answer>3</answer>",
        "<think>a</think> so <answer>3</answer>",
        "<think>a</think><answer>3</answer> done",
        "<think> </think><answer>3</answer>",
        "<think>a</think><answer>\n</answer>",
        "<think>a</think><answer>7</answer>",
        "<think>a</think><answer>good</answer>",
        "<think>a<think>b</think><answer>3</answer>",
        "<think>a</think><answer>3</answer><answer>3</answer>",
        "<think>a</think><answer>3",
        " " * 100_000 + "3",
        "<think>" * 20_000 + "</think>" * 20_000,
    ],
)
def test_format_is_not_followed(completion: str) -> None:
    assert not follows_format(completion)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": "<think>a</think><answer>3</answer>"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "<think>a</think><answer>3</answer>"}]}],
        [{"role": "assistant", "content": "<answer>3</answer>", "reasoning_content": "a"}],
        [{"role": "assistant", "content": "<answer>3</answer>", "thinking": "a"}],
        [{"role": "user", "content": "hm"}, {"role": "assistant", "content": "<think>a</think><answer>3</answer>"}],
    ],
)
def test_conversational_completion_reads_as_its_text(messages: list[dict[str, object]]) -> None:
    assert completion_text(messages) == "<think>a</think><answer>3</answer>"
    assert parse_rating(messages).rating == 3.0
    assert follows_format(messages)


def test_completion_that_says_nothing_is_empty() -> None:
    assert completion_text([{"role": "assistant", "content": None}]) == completion_text([]) == ""


@settings(max_examples=400, deadline=None)
@given(st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_nothing_a_model_writes_raises(text: str) -> None:
    for completion in (text, answered(text), f"<answer>{text}"):
        rated, degraded = parse_rating(completion), parse_degradation(completion)
        assert (rated.rating is None) != (rated.problem is None)
        assert rated.rating is None or (math.isfinite(rated.rating) and 1 <= rated.rating <= 5)
        assert (degraded.degradation is None) != (degraded.problem is None)
        assert degraded.degradation in (None, *DEGRADATIONS)
        assert degraded.severity in (None, *SEVERITIES)
        assert isinstance(follows_format(completion), bool)


@given(st.floats(1, 5), st.sampled_from(["{}", " {} ", '{{"rating": {}}}', "```json\n{}\n```"]))
def test_every_rating_in_range_comes_back_exactly(rating: float, form: str) -> None:
    assert parse_rating(answered(form.format(rating))).rating == rating

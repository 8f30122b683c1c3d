"""What the reasoner is asked: to rate a picture, or to name its degradation, thinking aloud first.

Messages are in the conversational form of transformers and TRL. Where the model sees the picture every content is a
list of parts, so that all rows of a dataset have one type. A language model without eyes is asked for a rating by measured
attributes: every content is a plain string, which any chat template takes, and the question is short, since such a model is
small, learns the form of an answer by fine-tuning, and takes the longer for every token.
"""

from typing import Any

DEGRADATIONS = ("noise", "compression", "blur", "darken", "null")
"""Classes of the degradation question; "null" is a picture without one."""

SEVERITIES = ("slight", "moderate", "obvious", "serious", "catastrophic")
"""How strong a degradation is, in rising order."""

SYSTEM = (
    "You judge the technical quality of pictures: how sharp, clean, well exposed and true in colour they are, and "
    "whether processing has left traces. Think first, then answer. Write your reasoning between <think> and </think> "
    "and your answer between <answer> and </answer>, and nothing outside of them: "
    "<think>what you see and how it weighs</think><answer>your answer</answer>"
)
RATING_QUESTION = (
    "How good is the quality of this picture? Say in your reasoning what lifts and what lowers it. Answer with a "
    "rating from 1 (very poor) to 5 (excellent), to two decimal places, as JSON with the key rating: "
    '<answer>{"rating": your rating}</answer>'
)
DEGRADATION_QUESTION = (
    f"Which of these degradations does this picture have most: {', '.join(DEGRADATIONS[:-1])}; or null, if it has none "
    f"of them? And how strong is it: {', '.join(SEVERITIES)}? For null leave the severity null as well. Answer with "
    "JSON with the keys degradation and severity: "
    '<answer>{"degradation": "the degradation", "severity": "its severity"}</answer>'
)
MEASURES_QUESTION = (
    "Rate a picture from 1 to 5 by its measured attributes: "
    '<think>what lifts and what lowers it</think><answer>{"rating": your rating}</answer>'
)

Messages = list[dict[str, Any]]


def rating_messages(image: Any = None, measures: str | None = None) -> Messages:
    """Ask for a rating from 1 to 5.

    Args:
        image: the picture, a PIL image, path or URL, to put into its content part; None leaves the part a bare
            placeholder, `{"type": "image"}`, which TRL and a processor called with `images=` fill.
        measures: measured attributes in words, for a model that sees no picture; the messages then hold text alone.

    Raises:
        ValueError: both a picture and measures.
    """
    if measures is None:
        return _about(image, RATING_QUESTION)
    if image is not None:
        raise ValueError("pass the picture or its measures: a model that sees the one is not given the other")
    return [
        {"role": "system", "content": MEASURES_QUESTION},
        {"role": "user", "content": measures.strip()},
    ]


def degradation_messages(image: Any = None) -> Messages:
    """Ask for the degradation, one of `DEGRADATIONS`, and its severity, one of `SEVERITIES`; `image` as `rating_messages`."""
    return _about(image, DEGRADATION_QUESTION)


def _about(image: Any, question: str) -> Messages:
    """A question about a picture that the model sees."""
    part = {"type": "image"} if image is None else {"type": "image", "image": image}
    return [
        {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
        {"role": "user", "content": [part, {"type": "text", "text": question}]},
    ]

"""What the reasoner is asked, and that datasets and chat templates take it."""

import pytest
from datasets import Dataset
from PIL import Image
from trl.data_utils import is_conversational, prepare_multimodal_messages

from modeling_rali.reasoning.parsing import follows_format, parse_degradation, parse_rating
from modeling_rali.reasoning.prompts import (
    DEGRADATIONS,
    MEASURES_QUESTION,
    SEVERITIES,
    SYSTEM,
    Messages,
    degradation_messages,
    rating_messages,
)


def text_of(messages: Messages) -> str:
    contents = [message["content"] for message in messages]
    return " ".join(c if isinstance(c, str) else " ".join(p.get("text") or "" for p in c) for c in contents)


def test_picture_goes_where_trl_puts_it(photo: Image.Image) -> None:
    filled = prepare_multimodal_messages(rating_messages(), images=[photo])
    assert filled == rating_messages(photo)
    assert is_conversational({"prompt": rating_messages()})


def test_measures_take_the_place_of_the_picture() -> None:
    messages = rating_messages(measures="The picture is sharp.\n")
    assert all(isinstance(message["content"], str) for message in messages)
    assert messages[1]["content"] == "The picture is sharp."


def test_picture_and_measures_together_are_refused(photo: Image.Image) -> None:
    with pytest.raises(ValueError, match="the one is not given the other"):
        rating_messages(photo, measures="sharp")


def test_both_questions_share_a_column_of_a_dataset() -> None:
    prompts = [rating_messages(), degradation_messages()]
    rows = Dataset.from_dict({"prompt": prompts})
    assert [text_of(prompt) for prompt in rows["prompt"]] == [text_of(prompt) for prompt in prompts]
    assert [part["type"] for part in rows[0]["prompt"][1]["content"]] == ["image", "text"]


def test_questions_name_what_is_read() -> None:
    assert '{"rating":' in text_of(rating_messages())
    question = text_of(degradation_messages())
    assert all(word in question for word in (*DEGRADATIONS, *SEVERITIES))


@pytest.mark.parametrize("system", [SYSTEM, MEASURES_QUESTION])
def test_the_example_in_the_system_message_follows_the_format_it_asks_for(system: str) -> None:
    example = system[system.index("<think>what") :]
    assert follows_format(example.replace("your answer", "3").replace("your rating", "3"))
    # and is itself no answer, should a model repeat it
    assert parse_rating(example).rating is None
    assert parse_degradation(example).degradation is None

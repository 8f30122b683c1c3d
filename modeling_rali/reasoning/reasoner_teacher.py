"""A reasoner as teacher: a model that thinks aloud about a picture, or about its measured attributes, and rates it."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch

from .attributes import measure
from .measures import measures_text, read_grading
from .parsing import completion_text, parse_rating
from .prompts import Messages, rating_messages
from .reasoner import load_reasoner
from .teachers import Description, Request


class ReasonerTeacher:
    """Samples completions; texts are the reasoning in them, ratings what can be read of their answers.

    Where vLLM is installed and there is an accelerator it generates, and otherwise transformers. A request's texts are
    sampled together, with the first of its seeds.

    Args:
        name: folder or Hub id of a vision-language model, or of a language model that recipes/sft.py or grpo.py trained to
            read measured attributes.
        max_new_tokens: at which a completion is cut.
        temperature: of the sampling.

    Raises:
        OSError: if there is no such model.
        ValueError: for a language model that was not trained to read measures.
    """

    def __init__(self, name: str, max_new_tokens: int = 512, temperature: float = 1.0) -> None:
        self.name = name
        self.max_new_tokens = max_new_tokens
        self.temperature = temperature
        self._engine: Any = None
        self._model, self._processor, self._sees = load_reasoner(name, {"dtype": "auto"})
        self._grading = None if self._sees else read_grading(name)
        if not self._sees and self._grading is None:
            raise ValueError(
                f"{name}: sees no picture and has no grades of measures: train it with recipes/sft.py first."
            )
        if torch.accelerator.is_available():
            if find_spec("vllm"):
                from vllm import LLM

                del self._model
                self._engine = LLM(name, limit_mm_per_prompt={"image": 1}) if self._sees else LLM(name)
            else:
                self._model.to(torch.accelerator.current_accelerator())
        if self._engine is None:
            self._model.eval()

    def describe(self, requests: Sequence[Request]) -> list[Description]:
        """One description a request. A completion without marked reasoning is a text as it is; an unreadable rating is None.

        Raises:
            ValueError: if a completion is empty.
        """
        return [self._describe(request) for request in requests]

    def _describe(self, request: Request) -> Description:
        messages = rating_messages(request.image) if self._sees else rating_messages(measures=self._measures(request))
        sample = self._sample if self._engine is None else self._sample_with_vllm
        parsed = [(text, parse_rating(text)) for text in sample(messages, request)]
        texts = [(one.reasoning or text).strip() for text, one in parsed]
        if not all(texts):
            raise ValueError(
                f"{self.name}: wrote nothing about a picture: is it a model that was instructed to answer?"
            )
        return Description(texts, [one.rating for _, one in parsed])

    def _measures(self, request: Request) -> str:
        assert self._grading is not None  # as it is a model that does not see
        return measures_text(measure(request.image), self._grading)

    @torch.inference_mode()
    def _sample(self, messages: Messages, request: Request) -> list[str]:
        template = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
        inputs = self._processor.apply_chat_template([messages], **template).to(self._model.device)
        torch.manual_seed(request.seeds[0])
        completions = self._model.generate(
            **inputs,
            do_sample=True,
            temperature=self.temperature,
            max_new_tokens=self.max_new_tokens,
            num_return_sequences=len(request.seeds),
        )
        new = completions[:, inputs["input_ids"].shape[1] :]
        return self._processor.batch_decode(new, skip_special_tokens=True)

    def _sample_with_vllm(self, messages: Messages, request: Request) -> list[str]:
        from vllm import SamplingParams

        settings = SamplingParams(
            n=len(request.seeds), seed=request.seeds[0], temperature=self.temperature, max_tokens=self.max_new_tokens
        )
        (result,) = self._engine.chat([_with_pictures(messages)], settings, use_tqdm=False)
        return [completion_text(output.text) for output in result.outputs]


def _with_pictures(messages: Messages) -> Messages:
    """The messages with pictures in the form that vLLM takes."""
    return [
        message
        if isinstance(message["content"], str)
        else message
        | {
            "content": [
                {"type": "image_pil", "image_pil": part["image"]} if part["type"] == "image" else part
                for part in message["content"]
            ]
        }
        for message in messages
    ]

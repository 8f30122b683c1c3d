"""A reasoner as teacher: a model that thinks aloud about a picture, or about its measured attributes, and rates it."""

from collections.abc import Sequence
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from transformers import LogitsProcessor
from transformers.utils import find_adapter_config_file

from ..inference import find_device
from .attributes import measure
from .measures import measures_text, read_grading
from .parsing import completion_text, parse_rating
from .prompts import Messages, rating_messages
from .reasoner import load_reasoner
from .teachers import Description, Request


class ReasonerTeacher:
    """Samples completions; texts are the reasoning in them, ratings what can be read of their answers.

    Where vLLM is installed and there is an accelerator it generates, and otherwise transformers. All requests are sampled
    together, each text with its own seed.

    Args:
        name: folder or Hub id of a vision-language model, or of a language model that recipes/sft.py or grpo.py trained to
            read measured attributes.
        max_new_tokens: at which a completion is cut.
        temperature: of the sampling.

    Raises:
        OSError: if there is no such model.
        ValueError: for a language model that was not trained to read measures, and as `load_reasoner`.
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
        device = find_device()
        if device.type != "cpu" and find_spec("vllm"):
            self._engine = self._vllm_engine()
        else:
            self._model.to(device).eval()
            tokenizer = getattr(self._processor, "tokenizer", self._processor)
            tokenizer.padding_side = "left"  # so that all completions begin at one place
            tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token

    def _vllm_engine(self) -> Any:
        """In place of the model, which makes room for it."""
        from vllm import LLM

        name = self.name
        if find_adapter_config_file(name):  # it loads no adapter in place of a model
            self._merged = TemporaryDirectory()  # which it reads again when it is first asked
            name = self._merged.name
            self._model.save_pretrained(name)
            self._processor.save_pretrained(name)
        del self._model
        return LLM(name, **({"limit_mm_per_prompt": {"image": 1}} if self._sees else {}))

    def describe(self, requests: Sequence[Request]) -> list[Description]:
        """One description a request. A completion without marked reasoning is a text as it is; an unreadable rating is None.

        Args:
            requests: all for the same number of texts.

        Raises:
            ValueError: if a completion is empty.
        """
        asked = [
            rating_messages(request.image) if self._sees else rating_messages(measures=self._measures(request))
            for request in requests
        ]
        seeds = [request.seeds for request in requests]
        sample = self._sample if self._engine is None else self._sample_with_vllm
        return [self._description(completions) for completions in sample(asked, seeds)]

    def _description(self, completions: Sequence[str]) -> Description:
        parsed = [(text, parse_rating(text)) for text in completions]
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
    def _sample(self, asked: Sequence[Messages], seeds: Sequence[tuple[int, ...]]) -> list[list[str]]:
        (count,) = {len(own) for own in seeds}
        padding: dict[str, Any] = {"padding": True}
        inputs = self._processor.apply_chat_template(
            list(asked),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            **{"processor_kwargs": padding} if self._sees else padding,
        ).to(self._model.device)
        draw = _SeededSampling([seed for own in seeds for seed in own], self.temperature, self._model.device)
        completions = self._model.generate(
            **inputs,
            do_sample=True,
            logits_processor=[draw],
            max_new_tokens=self.max_new_tokens,
            num_return_sequences=count,
        )
        new = completions[:, inputs["input_ids"].shape[1] :]
        texts = self._processor.batch_decode(new, skip_special_tokens=True)
        return [texts[first : first + count] for first in range(0, len(texts), count)]

    def _sample_with_vllm(self, asked: Sequence[Messages], seeds: Sequence[tuple[int, ...]]) -> list[list[str]]:
        from vllm import SamplingParams

        results = self._engine.chat(
            [_with_pictures(messages) for messages in asked for _ in seeds[0]],
            [
                SamplingParams(seed=seed, temperature=self.temperature, max_tokens=self.max_new_tokens)
                for own in seeds
                for seed in own
            ],
            use_tqdm=False,
        )
        texts = iter([completion_text(result.outputs[0].text) for result in results])
        return [[next(texts) for _ in own] for own in seeds]


class _SeededSampling(LogitsProcessor):
    """Leaves of each row's logits one token, drawn from softmax(logits / τ) with a generator of the row's own.

    So a text does not depend on what is sampled beside it. The maximum of logits / τ + G, with independent Gumbel noise
    G = −log E and E exponential, is such a draw (Gumbel, 1954).
    """

    def __init__(self, seeds: Sequence[int], temperature: float, device: torch.device) -> None:
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.temperature = temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.FloatTensor:
        """Token ids and logits (B, V) → logits (B, V), −∞ but for the drawn token's."""
        logits = scores.float() / self.temperature
        noise = torch.empty_like(logits)
        for row, generator in zip(noise, self.generators, strict=True):
            row.exponential_(generator=generator)
        drawn = (logits - noise.log()).argmax(-1, keepdim=True)
        return cast(torch.FloatTensor, torch.full_like(scores, -torch.inf).scatter_(-1, drawn, 0.0))


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

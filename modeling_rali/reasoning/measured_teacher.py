"""A teacher without a model: it measures a picture and says in varied words what it measured.

What it writes is only as good as its measures. It is for small encoders, for machines without an accelerator, and as
the yardstick of teachers that see.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from . import wording
from .attributes import Attributes, measure
from .teachers import Description, Request

_EDGES = (0.1, 0.3, 0.7, 0.9)  # quantiles of the training pictures between which the five grades lie
_CLIPPED = 0.05  # share of clipped pixels above which they are worth a word
_FEWEST, _MOST = 3, 5  # attributes in one text
_RESTLESSNESS = 1.5  # how far chance goes before extremity in what is mentioned, in grades
_ATTEMPTS = 100

FACTORS = (0.85, 0.65, 0.4, 0.2, 0.05)
"""What is left of the quality of a picture degraded at levels 1 to 5, in `estimated_quality`."""

MILDER = {
    "saturate": 0.55,
    "desaturate": 0.5,
    "low_contrast": 0.75,
    "oversharpen": 0.75,
    "posterize": 0.75,
    "smear": 0.85,
    "warp": 0.85,
}
"""Degradations that cost only this share of what the others do."""


@dataclass(frozen=True)
class Grading:
    """Where the grades of each attribute begin: attribute → four rising edges."""

    edges: dict[str, tuple[float, ...]]

    @classmethod
    def fit(cls, measured: Sequence[Attributes]) -> "Grading":
        """The 10th, 30th, 70th and 90th percentiles over undegraded training pictures.

        Raises:
            ValueError: for fewer than ten pictures.
        """
        if len(measured) < 10:
            raise ValueError(
                f"grades are quantiles of the training pictures: {len(measured)} are too few, give 10 or more."
            )
        edges = np.quantile(
            np.array([[getattr(one, name) for name in wording.ATTRIBUTES] for one in measured]), _EDGES, axis=0
        )
        return cls({name: tuple(edges[:, column].tolist()) for column, name in enumerate(wording.ATTRIBUTES)})

    def grades(self, measured: Attributes) -> dict[str, int]:
        """Attribute → grade, 0 the lowest to 4 the highest."""
        return {
            name: int(np.searchsorted(edges, getattr(measured, name), side="right"))
            for name, edges in self.edges.items()
        }

    def as_json(self) -> dict[str, dict[str, tuple[float, ...]]]:
        """What JSON can hold of it."""
        return asdict(self)


@dataclass(frozen=True)
class MeasuredTeacher:
    """Measures each picture and writes about it.

    Args:
        grading: of the training set.
        say_quality: end each text with the overall quality, where it is known. The texts then tell what people said of
            the picture, and are for training pictures alone.
    """

    grading: Grading
    say_quality: bool
    name: str = "measured"

    def describe(self, requests: Sequence[Request]) -> list[Description]:
        """One `Description` a request; its ratings are the known quality on 1–5, and None where it is not known."""
        return [self._describe(request) for request in requests]

    def _describe(self, request: Request) -> Description:
        quality = request.quality if self.say_quality else None
        texts = write_texts(
            measure(request.image), self.grading, len(request.seeds), request.seeds[0], request.degradation, quality
        )
        return Description(texts, [None if quality is None else 1 + 4 * quality] * len(texts))


def estimated_quality(quality: float, degradation: str, level: int) -> float:
    """What is left of a picture's quality, in 0–1, after a degradation at level 1 to 5: a rule of thumb, not a measurement.

    quality · (1 - m · (1 - factor(level))), with m below 1 for changes of colour and contrast, which people mind less.
    """
    return quality * (1 - MILDER.get(degradation, 1.0) * (1 - FACTORS[level - 1]))


def write_texts(
    measured: Attributes,
    grading: Grading,
    count: int,
    seed: int,
    degradation: tuple[str, int] | None = None,
    quality: float | None = None,
) -> list[str]:
    """Different short remarks on one picture.

    Each names a few attributes, the more extreme the likelier; a known degradation with its severity; and the overall
    quality, where it is given, in one of nine grades.

    Args:
        measured: the picture's attributes.
        grading: of the training set.
        count: how many texts.
        seed: of all choices.
        degradation: name and level, where one was applied.
        quality: in 0–1.

    Raises:
        ValueError: if the words do not give `count` different texts.
    """
    rng = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    for _ in range(count + _ATTEMPTS):
        if len(texts) == count:
            return list(texts)
        texts[_write(measured, grading, rng, degradation, quality)] = None
    raise ValueError(f"only {len(texts)} different texts could be found for one picture: ask for fewer than {count}.")


def _write(
    measured: Attributes,
    grading: Grading,
    rng: np.random.Generator,
    degradation: tuple[str, int] | None,
    quality: float | None,
) -> str:
    def one_of(words: Sequence[str]) -> str:
        return words[int(rng.integers(len(words)))]

    grades = grading.grades(measured)
    weight = {name: abs(grade - 2) + _RESTLESSNESS * rng.random() for name, grade in grades.items()}
    named = sorted(weight, key=weight.__getitem__, reverse=True)[: rng.integers(_FEWEST, _MOST + 1)]
    phrases = [one_of(wording.ATTRIBUTES[name][grades[name]]) for name in rng.permutation(named)]
    phrases += [
        one_of(words)
        for words, share in ((wording.DARK, measured.dark), (wording.BURNT, measured.burnt))
        if share > _CLIPPED
    ]
    sentences = [f"{one_of(wording.SUBJECTS)} {', '.join(phrases[:-1])} and {phrases[-1]}."]
    if degradation is not None:
        name, level = degradation
        severity = one_of(wording.SEVERITIES[level - 1])
        fault = one_of(wording.DEGRADED).format(
            name=one_of(wording.DEGRADATION_NAMES[name]), severity=severity, Severity=severity[0].upper() + severity[1:]
        )
        sentences.insert(int(rng.integers(2)), fault)
    if quality is not None:
        grade = min(int(quality * len(wording.QUALITIES)), len(wording.QUALITIES) - 1)
        sentences.append(one_of(wording.CLOSINGS).format(quality=one_of(wording.QUALITIES[grade])))
    return " ".join(sentences)

"""The quality terms of an aligned model: words for what it can explain a score with, and what they mean to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..modeling_rali import RaliModel, RaliTerms
from ..scoring import term_contrasts

_SHRINKAGE = 1e-3  # of the covariance towards the identity, as a share of its largest eigenvalue; chosen on validation


class TermPair(NamedTuple):
    """A good term and its opposite, each with sentences that a teacher of texts might write where it holds.

    `faults` are the known degradations (`reasoning.degradations`) that the bad term names.
    """

    good: str
    bad: str
    good_sentences: tuple[str, ...]
    bad_sentences: tuple[str, ...]
    faults: tuple[str, ...] = ()


QUALITY_TERMS = (
    TermPair(
        "sharp",
        "blurred",
        (
            "The photo is very crisp and sharp, well focused.",
            "The picture is razor-sharp and perfectly focused.",
            "The image looks sharp at the edges and finely detailed.",
        ),
        (
            "It suffers from severe blur. The photo is badly blurred, with no sharp edge.",
            "There is serious blur from missed focus. The picture is completely out of focus.",
            "The most striking fault is heavy motion blur. It is very blurred and smooth, all detail lost.",
            "The shot is very blurred and without any texture.",
        ),
        ("gaussian_blur", "motion_blur", "defocus"),
    ),
    TermPair(
        "clean",
        "noisy",
        (
            "The photo is free of noise and very clean.",
            "The picture is without any grain, almost free of noise.",
        ),
        (
            "It suffers from severe noise. The photo is very noisy, full of grain.",
            "There is heavy grain. The picture is covered with noise.",
            "The most striking fault is serious salt-and-pepper noise. The image is heavily grainy.",
        ),
        ("gaussian_noise", "salt_and_pepper"),
    ),
    TermPair(
        "well lit",
        "too dark",
        (
            "The photo is well lit and bright.",
            "The picture is brightly lit and light.",
        ),
        (
            "It suffers from severe underexposure. The photo is far too dark.",
            "There is serious darkening. The picture is lost in darkness, with shadows clipped to black.",
            "The shot is badly underexposed and far too dark.",
        ),
        ("darken",),
    ),
    TermPair(
        "well exposed",
        "over-exposed",
        (
            "The photo is well exposed and of balanced brightness.",
            "The picture is well lit and balanced in contrast.",
        ),
        (
            "It suffers from severe over-exposure, with burnt-out highlights.",
            "There is serious blown-out light. The picture is glaringly bright, with highlights clipped to white.",
            "The most striking fault is heavy over-exposure. The shot is very bright, with blown-out areas.",
        ),
        ("overexpose",),
    ),
    TermPair(
        "free of compression",
        "full of compression artefacts",
        (
            "The photo is free of compression blocks and cleanly coded.",
            "The picture is without a trace of compression.",
        ),
        (
            "It suffers from severe JPEG compression. The photo is full of compression blocks.",
            "There is serious JPEG blocking. The picture is ruined by blocking artefacts.",
            "The image is strongly compressed and blocky. The most striking fault is heavy block artefacts from compression.",
        ),
        ("jpeg", "jpeg2000"),
    ),
    TermPair(
        "fine in grain",
        "pixelated",
        (
            "The photo is rich in detail and full of texture.",
            "The picture is finely detailed, with some fine texture.",
        ),
        (
            "It suffers from severe pixelation.",
            "There are serious coarse pixels. The picture is a mosaic of large pixels.",
            "The most striking fault is heavy pixelation.",
        ),
        ("pixelate",),
    ),
    TermPair(
        "contrasty",
        "flat",
        (
            "The photo is contrasty and of good contrast.",
            "The picture is strong in contrast.",
        ),
        (
            "It suffers from severe loss of contrast. The photo is flat and without contrast.",
            "There is serious haze. The picture is washed out, hazy.",
            "The shot is very low in contrast.",
        ),
        ("low_contrast",),
    ),
    TermPair(
        "colourful",
        "dull in colour",
        (
            "The photo is colourful and lively in colour.",
            "The picture is rich in colour.",
        ),
        (
            "It suffers from severe loss of colour. The photo is nearly colourless.",
            "There is serious fading of colour. The picture is grey and dull.",
            "The shot is without colour.",
        ),
        ("desaturate",),
    ),
    TermPair(
        "natural in colour",
        "oversaturated",
        (
            "The photo is natural in colour and balanced in colour.",
            "The picture is of ordinary colours.",
        ),
        (
            "It suffers from severe oversaturation. The photo is of intense, saturated colours.",
            "There is serious excess of colour. The picture is vivid, with strong colours.",
            "The most striking fault is heavy, unnaturally strong colour.",
        ),
        ("saturate",),
    ),
)
"""The terms of a model that was aligned with the measured teacher's texts, in its words."""


@torch.no_grad()
def fit_quality_terms(
    model: RaliModel,
    embed_texts: Callable[[Sequence[str]], torch.Tensor],
    pairs: Sequence[TermPair],
    train_embeds: torch.Tensor,
) -> None:
    """Give `model` quality terms by what their words mean, in place.

    A term's embedding is the mean of those of its sentences, and for a model with a `text_projection` what that mean asks of
    the embedding before it.

    Args:
        model: aligned with texts.
        embed_texts: texts → (N, D) unit-length embeddings.
        pairs: the terms.
        train_embeds: (N, D) image embeddings of usual pictures: undegraded training pictures.

    Raises:
        ValueError: if the widths differ.
    """
    terms = torch.stack(
        [
            torch.stack([embed_texts(sentences).mean(0) for sentences in (pair.good_sentences, pair.bad_sentences)])
            for pair in pairs
        ]
    )
    terms = F.normalize(terms, dim=-1)
    _check_width(terms, model.config.text_dim or model.config.embed_dim)
    if (projection := model.text_projection) is not None:
        # ⟨W e + b, good - bad⟩ is ⟨e, Wᵀ (good - bad)⟩ and a constant, which the terms' mean takes off
        apart = F.normalize((terms[:, 0] - terms[:, 1]) @ projection.weight.float(), dim=-1)
        terms = torch.stack([apart, -apart], dim=1)
    _set_terms(model, pairs, terms, train_embeds)


@torch.no_grad()
def fit_quality_terms_to_faults(
    model: RaliModel, pairs: Sequence[TermPair], train_embeds: torch.Tensor, faulty_embeds: Mapping[str, torch.Tensor]
) -> None:
    """Give `model` quality terms by where known degradations take its embeddings, in place.

    The bad term of a pair is the direction that tells pictures with its faults from those with all other faults, Fisher's
    linear discriminant Σ⁻¹ (m - m') of unit-length embeddings; the good term is the opposite direction. What all faults
    have in common, lower quality, is thereby left out.

    Args:
        model: any.
        pairs: the terms, with their faults.
        train_embeds: (N, D) image embeddings of usual pictures: undegraded training pictures.
        faulty_embeds: name of a degradation → (M, D) embeddings of training pictures so degraded.

    Raises:
        ValueError: if there is no picture with the faults of a term, or none without; the message names it.
    """
    faulty = {name: F.normalize(embeds, dim=-1) for name, embeds in faulty_embeds.items()}
    everything = torch.cat([F.normalize(train_embeds, dim=-1), *faulty.values()]).double()
    covariance = torch.cov(everything.T)
    covariance += _SHRINKAGE * torch.linalg.eigvalsh(covariance)[-1] * torch.eye(len(covariance))
    terms = []
    for pair in pairs:
        own = [embeds for name, embeds in faulty.items() if name in pair.faults]
        others = [embeds for name, embeds in faulty.items() if name not in pair.faults]
        if not own or not others:
            raise ValueError(
                f'"{pair.bad}" cannot be told from other faults: there are degraded pictures for {sorted(faulty)}, and it '
                f"needs some of {sorted(pair.faults)} and some of others."
            )
        apart = torch.linalg.solve(covariance, (torch.cat(own).mean(0) - torch.cat(others).mean(0)).double())
        bad = F.normalize(apart, dim=0).float()
        terms.append(torch.stack([-bad, bad]))
    _set_terms(model, pairs, torch.stack(terms), train_embeds)


def _check_width(terms: torch.Tensor, width: int) -> None:
    if terms.shape[-1] != width:
        raise ValueError(
            f"the model's embeddings are {width} wide and the terms' {terms.shape[-1]}: give the text encoder that the model "
            "was aligned with."
        )


def _set_terms(model: RaliModel, pairs: Sequence[TermPair], embeds: torch.Tensor, train_embeds: torch.Tensor) -> None:
    """Keep the terms (T, 2, D) with mean and deviation of each contrast over usual pictures (N, D), so that a strength is in
    deviations from the usual picture and pairs can be compared."""
    module = RaliTerms(len(pairs), model.config.embed_dim)
    module.embeds.copy_(embeds)
    contrasts = term_contrasts(train_embeds, module.embeds)
    module.mean.copy_(contrasts.mean(0))
    module.scale.copy_(contrasts.std(0).clamp_min(1e-6))
    model.config.quality_terms = [[pair.good, pair.bad] for pair in pairs]
    model.terms = module

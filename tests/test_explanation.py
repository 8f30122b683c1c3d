"""Quality terms: their arithmetic, and how a model, a pipeline and a checkpoint explain with them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import pipeline

from modeling_rali import RaliConfig, RaliModel
from modeling_rali.alignment.quality_terms import TermPair, fit_quality_terms, fit_quality_terms_to_faults
from modeling_rali.image_processing_rali import read_image
from modeling_rali.inference import load_model
from modeling_rali.scoring import ranked_terms, remark, term_contrasts

SAMPLES = Path(__file__).parents[1] / "samples"
PAIRS = [["sharp", "blurred"], ["clean", "noisy"], ["well lit", "too dark"]]
WIDTH = 80  # of the embeddings of `tiny_efficientnet`


def direction(text: str) -> torch.Tensor:
    """A unit vector for each text, always the same."""
    seed = sum(map(ord, text))
    return torch.nn.functional.normalize(torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed)), dim=0)


def usual_embeds() -> torch.Tensor:
    """Embeddings for the terms to be standardised by: a random tower's own hardly differ, and would amplify rounding."""
    return torch.randn(50, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=[False, True], ids=["in the space of texts", "projected into it"])
def explaining(tiny_efficientnet: RaliModel, request: pytest.FixtureRequest) -> RaliModel:
    """`tiny_efficientnet` with three pairs of terms."""
    if request.param:
        tiny_efficientnet.config.text_dim, tiny_efficientnet.text_projection = WIDTH, torch.nn.Linear(WIDTH, WIDTH)
    pairs = [TermPair(good, bad, (f"It is {good}.", good), (f"It is {bad}.",)) for good, bad in PAIRS]
    fit_quality_terms(tiny_efficientnet, lambda texts: torch.stack(list(map(direction, texts))), pairs, usual_embeds())
    return tiny_efficientnet


def test_contrast_is_a_difference_of_cosines() -> None:
    rng = np.random.default_rng(0)
    embeds, terms = rng.normal(size=(4, 6)), rng.normal(size=(3, 2, 6))
    terms /= np.linalg.norm(terms, axis=-1, keepdims=True)
    expected = [[(e @ good - e @ bad) / np.linalg.norm(e) for good, bad in terms] for e in embeds]
    found = term_contrasts(torch.tensor(embeds), torch.tensor(terms))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_a_striking_fault_comes_first_even_at_a_high_score() -> None:
    assert ranked_terms([-3.5, 3.0, 0.5], PAIRS, 4.0, (1.0, 5.0))[0] == ("blurred", 3.5)
    assert ranked_terms([-2.5, 1.0, 0.5], PAIRS, 4.0, (1.0, 5.0))[0] == ("clean", 1.0)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (1.5, [("blurred", 2.0), ("too dark", 0.5), ("clean", 3.0)]),
        (4.5, [("clean", 3.0), ("blurred", 2.0), ("too dark", 0.5)]),
    ],
)
def test_faults_explain_a_low_score_and_merits_a_high_one(score: float, expected: list[tuple[str, float]]) -> None:
    assert ranked_terms([-2.0, 3.0, -0.5], PAIRS, score, (1.0, 5.0)) == expected


def test_remark_names_what_stands_out() -> None:
    assert remark([("blurred", 2.0), ("noisy", 1.0), ("clean", 0.7), ("flat", 0.6)]) == "blurred, noisy, clean"
    assert remark([("blurred", 0.4), ("noisy", 0.1)]) == "nothing unusual"


@torch.no_grad()
def test_nearest_term_comes_first(explaining: RaliModel) -> None:
    """An embedding that is moved towards what "noisy" means is explained by it, and a clean one by its opposite."""
    assert explaining.terms is not None
    explaining.terms.mean.zero_()
    explaining.terms.scale.fill_(1)
    usual = torch.randn(WIDTH)
    for pole, strength in ((1, "noisy"), (0, "clean")):
        embed = usual / usual.norm() + 30 * explaining.terms.embeds[1, pole]
        contrasts = explaining.terms(embed[None])[0].tolist()
        assert ranked_terms(contrasts, PAIRS, 1.0 if pole else 5.0, (1.0, 5.0))[0][0] == strength


@torch.no_grad()
def test_contrasts_of_usual_pictures_are_standardised(explaining: RaliModel) -> None:
    assert explaining.terms is not None
    contrasts = explaining.terms(usual_embeds())
    torch.testing.assert_close(contrasts.mean(0), torch.zeros(3), atol=0.05, rtol=0)
    torch.testing.assert_close(contrasts.std(0), torch.ones(3), atol=0.05, rtol=0)


@torch.no_grad()
def test_terms_travel_with_the_checkpoint(explaining: RaliModel, photo: Image.Image, tmp_path: Path) -> None:
    explaining.save_pretrained(tmp_path)
    loaded = RaliModel.from_pretrained(tmp_path).eval()
    assert loaded.config.quality_terms == PAIRS
    pictures = [loaded.image_processor.pixels(photo), loaded.image_processor.pixels(photo.resize((64, 64)))]
    before, after = explaining.explain(pictures), loaded.explain(pictures)
    assert [one.terms for one in after] == [one.terms for one in before]
    scores = loaded.score_pictures(pictures).tolist()
    assert [one.score for one in after] == pytest.approx(scores, abs=1e-5)


@torch.no_grad()
def test_half_precision_tower_keeps_its_terms_in_float32(explaining: RaliModel, tmp_path: Path) -> None:
    explaining.save_pretrained(tmp_path)
    half = RaliModel.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half.terms is not None
    assert half.terms.embeds.dtype == torch.float32
    assert half.dtype == torch.bfloat16


def test_pipeline_explains_when_asked(explaining: RaliModel, photo: Image.Image, tmp_path: Path) -> None:
    explaining.save_pretrained(tmp_path)
    pipe = pipeline("image-quality", model=str(tmp_path))
    assert "explanation" not in pipe(photo)
    one = pipe(photo, explain=True)
    assert one["explanation"] == remark(one["terms"])
    assert {term for term, _ in one["terms"]} <= {term for pair in PAIRS for term in pair}
    several = pipeline("image-quality", model=str(tmp_path), explain=True)(
        [photo, photo.resize((64, 64))], batch_size=2
    )
    assert dict(several[0]["terms"]) == pytest.approx(dict(one["terms"]), abs=1e-5)
    assert several[0]["score"] == pytest.approx(pipe(photo)["score"], abs=1e-5)


def test_model_without_terms_says_what_it_lacks(tiny_efficientnet: RaliModel) -> None:
    with pytest.raises(ValueError, match="has no quality terms to explain with"):
        tiny_efficientnet.explain([torch.zeros(3, 64, 64)])


@pytest.mark.parametrize("terms", [[], [["sharp"]], [["sharp", ""]], [["a", "b"], ["a", "c"]]])
def test_terms_that_are_not_pairs_are_refused(terms: list[list[str]]) -> None:
    with pytest.raises(Exception, match="quality_terms is"):
        RaliConfig(quality_terms=terms)


def test_terms_of_another_space_are_refused(tiny_efficientnet: RaliModel) -> None:
    pair = TermPair("sharp", "blurred", ("Sharp.",), ("Blurred.",))
    with pytest.raises(ValueError, match="80 wide and the terms' 7"):
        fit_quality_terms(tiny_efficientnet, lambda texts: torch.ones(len(texts), 7), [pair], torch.randn(4, WIDTH))


def test_terms_fitted_to_faults_tell_them_apart_where_all_lower_the_quality(tiny_efficientnet: RaliModel) -> None:
    generator = torch.Generator().manual_seed(0)

    def embeds(count: int, fault: str | None) -> torch.Tensor:
        spread = torch.randn(count, WIDTH, generator=generator) / WIDTH**0.5
        faulty = torch.zeros(WIDTH) if fault is None else 3 * direction("lower quality") + direction(fault)
        return 4 * direction("a picture") + spread + faulty

    faults = {"gaussian_blur": "blurred", "gaussian_noise": "noisy", "darken": "too dark"}
    pairs = [TermPair(good, bad, (), (), (name,)) for (good, bad), name in zip(PAIRS, faults, strict=True)]
    train = {name: embeds(60, bad) for name, bad in faults.items()}
    fit_quality_terms_to_faults(tiny_efficientnet, pairs, embeds(60, None), train)
    assert tiny_efficientnet.terms is not None
    torch.testing.assert_close(tiny_efficientnet.terms.embeds.norm(dim=-1), torch.ones(3, 2))
    for index, bad in enumerate(faults.values()):
        assert (tiny_efficientnet.terms(embeds(50, bad)).argmin(1) == index).float().mean() > 0.9
    assert tiny_efficientnet.terms(embeds(200, None)).mean().abs() < 0.3

    with pytest.raises(ValueError, match='"too dark" cannot be told from other faults'):
        fit_quality_terms_to_faults(
            tiny_efficientnet,
            pairs,
            embeds(9, None),
            {"gaussian_blur": train["gaussian_blur"]} | {"gaussian_noise": train["gaussian_noise"]},
        )


def test_shipped_model_names_the_faults_of_degraded_photographs_first() -> None:
    model = load_model(fused=True)
    faults = {"blurred": "blurred", "compressed": "full of compression artefacts", "dark": "too dark", "noisy": "noisy"}
    names = [(name, fault) for name in ("astronaut", "cat", "coffee", "rocket") for fault in faults]
    photographs = [read_image(SAMPLES / f"{name}-{fault}.jpg") for name, fault in names]
    explanations = model.explain([model.image_processor.pixels(photograph) for photograph in photographs])
    for (name, fault), explanation in zip(names, explanations, strict=True):
        # The dark cat lost its contrast as well, and is called flat before it is called too dark
        first = [term for term, _ in explanation.terms[: 2 if (name, fault) == ("cat", "dark") else 1]]
        assert faults[fault] in first, (name, fault)

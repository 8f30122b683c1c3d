"""A small checkpoint in the layout of the authors' release, and what it should score."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.decomposition import PCA, IncrementalPCA
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from ..test_scoring import rendering

EMBED_DIM, PCA_DIM, PROTOTYPES, SIZE = 24, 8, 11, 32
SCORER = ("pca_scale", "pca_components", "prototypes", "proto_scores", "logit_scale")
TEXT_TOWER = ("text_model.", "text_projection.", "logit_scale")

_VISION: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIZE,
    "patch_size": 8,
    "projection_dim": EMBED_DIM,
}
_CONFIG = CLIPConfig(
    vision_config=dict(_VISION),
    text_config={
        "hidden_size": 16,
        "intermediate_size": 20,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 30,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "max_position_embeddings": 10,
    },
    projection_dim=EMBED_DIM,
)

Dump = Callable[[Any, Path], object]


def dump_pickle(estimator: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(estimator))


@dataclass
class ReleasedCheckpoint:
    """A released checkpoint in `folder`, and the tensors that count among those it holds twice."""

    folder: Path
    clip: dict[str, torch.Tensor]
    head: dict[str, Any]

    def expected_scores(self, pictures: list[Image.Image]) -> np.ndarray:
        """CLIP's own image processor and tower, then the equations in float64."""
        tower = CLIPVisionModelWithProjection(CLIPVisionConfig(**_VISION)).eval()
        used = {name: tensor for name, tensor in self.clip.items() if not name.startswith(TEXT_TOWER)}
        tower.load_state_dict(used)
        processor = CLIPImageProcessorPil.from_pretrained(self.folder / "best")
        with torch.no_grad():
            embeds = tower(processor(pictures, return_tensors="pt")["pixel_values"]).image_embeds
        return rendering(embeds.numpy(), **self.head)


def fitted_pca(kind: type[PCA] | type[IncrementalPCA]) -> PCA | IncrementalPCA:
    """A fitted PCA of 64 embeddings, two dimensions of which are constant."""
    embeds = np.random.default_rng(0).normal(0.3, 1.5, (64, EMBED_DIM))
    embeds[:, [3, 17]] = 0.2
    return kind(PCA_DIM).fit(embeds)


def write_released(
    folder: Path,
    kind: type[PCA] | type[IncrementalPCA] = IncrementalPCA,
    dump: Dump = dump_pickle,
    safetensors: bool = False,
    text_tower: bool = True,
    scorer: tuple[str, ...] = SCORER,
) -> ReleasedCheckpoint:
    """Write a checkpoint of random tensors: those of `ckpt.pt` differ from their like in the other files.

    Args:
        folder: made anew.
        kind: of the PCA in `pca.pkl`.
        dump: writes `pca.pkl`.
        safetensors: write `best/model.safetensors`, not `best/pytorch_model.bin`.
        text_tower: whether the CLIP weights have one.
        scorer: which of the scorer's tensors are in `ckpt.pt`.
    """
    best = folder / "best"
    best.mkdir(parents=True)
    torch.manual_seed(0)
    state_dicts = [CLIPModel(_CONFIG).state_dict() for _ in range(2)]
    if not text_tower:
        state_dicts = [{n: t for n, t in d.items() if not n.startswith(TEXT_TOWER)} for d in state_dicts]
    untuned, tuned = state_dicts
    _CONFIG.save_pretrained(best)
    CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size=SIZE, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.3, 0.25]
    ).save_pretrained(best)
    if safetensors:
        save_file(untuned, best / "model.safetensors")
    else:
        torch.save(untuned, best / "pytorch_model.bin")

    pca, rng = fitted_pca(kind), np.random.default_rng(1)
    dump(pca, folder / "pca.pkl")
    vectors, scores = rng.normal(size=(PROTOTYPES, PCA_DIM)), rng.uniform(1, 5, PROTOTYPES)
    np.savez(folder / "basis.npz", vectors=vectors, scores=scores)

    fine_tuned = {
        "pca_scale": rng.uniform(0.5, 2, EMBED_DIM) * rng.choice([-1, 1], EMBED_DIM),
        "pca_components": rng.normal(size=(PCA_DIM, EMBED_DIM)),
        "prototypes": rng.normal(size=(PROTOTYPES, PCA_DIM)),
        "proto_scores": rng.uniform(1, 5, PROTOTYPES),
        "logit_scale": np.array(1 / 0.11),
    }
    tensors = {f"scorer.{name}": torch.tensor(fine_tuned[name], dtype=torch.float32) for name in scorer}
    torch.save(
        {"state_dict": {**{f"clip.{n}": t for n, t in tuned.items()}, **tensors}, "epoch": 3}, folder / "ckpt.pt"
    )

    deviation = np.sqrt(pca.var_) if kind is IncrementalPCA else np.ones(EMBED_DIM)
    fitted = {
        "pca_scale": np.where(deviation < 1e-10, 1, deviation),
        "pca_components": pca.components_,
        "prototypes": vectors,
        "proto_scores": scores,
        "logit_scale": np.array(1 / 0.07),
    }
    counts = {**fitted, **{name: fine_tuned[name] for name in scorer}}
    head = {
        "mean": pca.mean_,
        "scale": counts["pca_scale"],
        "components": counts["pca_components"],
        "prototypes": counts["prototypes"],
        "scores": counts["proto_scores"],
        "temperature": 1 / counts["logit_scale"],
    }
    return ReleasedCheckpoint(folder, tuned, head)

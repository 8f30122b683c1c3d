"""Converted checkpoints against a float64 rendering of the equations; released checkpoints that must be refused."""

import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.decomposition import PCA, IncrementalPCA
from transformers import AutoModel, CLIPImageProcessorPil, pipeline

from modeling_rali import RaliImageProcessor, RaliModel
from modeling_rali.conversion import convert_checkpoint

from .synthetic_release import EMBED_DIM, PCA_DIM, PROTOTYPES, SCORER, Dump, dump_pickle, write_released


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    """RGB pictures of noise, of width × height pixels each."""
    rng = np.random.default_rng(5)
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


PICTURES = noise((32, 32), (33, 32), (47, 61), (131, 40), (20, 9), (31, 97))


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return write_released(tmp_path / "released").folder


@pytest.mark.parametrize(
    ("safetensors", "text_tower"), [(False, True), (True, False)], ids=["bin_both_towers", "safetensors_vision_tower"]
)
@pytest.mark.parametrize(
    ("kind", "dump", "scorer"),
    [
        (PCA, dump_pickle, SCORER),
        (PCA, joblib.dump, SCORER[2:3]),
        (PCA, dump_pickle, ()),
        (IncrementalPCA, joblib.dump, SCORER),
        (IncrementalPCA, dump_pickle, SCORER[:4]),
        (IncrementalPCA, joblib.dump, SCORER[1:]),
        (IncrementalPCA, partial(joblib.dump, compress=3), ()),
    ],
    ids=[
        "all",
        "prototypes_only",
        "none",
        "incremental_all",
        "incremental_no_τ",
        "incremental_no_scale",
        "incremental_none",
    ],
)
def test_converted_checkpoint_scores_as_the_equations_say(
    tmp_path: Path,
    kind: type[PCA] | type[IncrementalPCA],
    dump: Dump,
    safetensors: bool,
    text_tower: bool,
    scorer: tuple[str, ...],
) -> None:
    released = write_released(tmp_path / "released", kind, dump, safetensors, text_tower, scorer)
    found = convert_checkpoint(released.folder, tmp_path / "converted")
    pipe = pipeline("image-quality", model=str(tmp_path / "converted"))
    scores = [result["score"] for result in pipe(PICTURES)]
    np.testing.assert_allclose(scores, released.expected_scores(PICTURES), atol=1e-5)
    assert found.temperature == pytest.approx(0.11 if "logit_scale" in scorer else 0.07)
    assert found.learnt_temperature == ("logit_scale" in scorer)
    assert (found.pca_kind, found.embed_dim, found.pca_dim) == (kind.__name__, EMBED_DIM, PCA_DIM)
    assert found.num_prototypes == PROTOTYPES
    text_parameters = sum(t.numel() for n, t in released.clip.items() if n.startswith(("text", "logit_scale")))
    assert found.dropped_parameters == text_parameters
    assert (text_parameters > 0) == text_tower


def test_converted_checkpoint_is_whole_and_without_pickles(released: Path, tmp_path: Path) -> None:
    convert_checkpoint(released, tmp_path / "new" / "converted")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["converted"]
    files = {path.name for path in (tmp_path / "new" / "converted").iterdir()}
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "modeling_rali.py"} <= files
    assert not [name for name in files if Path(name).suffix not in (".json", ".safetensors", ".py")]


def test_half_precision_weights_become_float32_of_the_same_values(released: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(released / "ckpt.pt")
    checkpoint["state_dict"] = {name: tensor.half() for name, tensor in checkpoint["state_dict"].items()}
    torch.save(checkpoint, released / "ckpt.pt")
    edit_json(released / "best/config.json", lambda config: config["vision_config"].update(dtype="float16"))
    convert_checkpoint(released, tmp_path / "converted")
    model = AutoModel.from_pretrained(tmp_path / "converted")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    half = checkpoint["state_dict"]["clip.visual_projection.weight"]
    torch.testing.assert_close(model.projection.weight, half.float(), rtol=0, atol=0)


def test_position_ids_of_earlier_transformers_are_no_obstacle(released: Path, tmp_path: Path) -> None:
    state_dict = torch.load(released / "best/pytorch_model.bin")
    torch.save(
        {**state_dict, "vision_model.embeddings.position_ids": torch.arange(17)[None]},
        released / "best/pytorch_model.bin",
    )
    convert_checkpoint(released, tmp_path / "converted")
    assert (tmp_path / "converted").is_dir()


@pytest.mark.parametrize("size", [32, 57])
def test_image_processor_gives_the_pixels_of_clips(released: Path, tmp_path: Path, size: int) -> None:
    edit_json(released / "best/config.json", lambda config: config["vision_config"].update(image_size=size))
    edit_json(released / "best/preprocessor_config.json", lambda c: c.update(size=size, crop_size=size))
    for path, prefix in ((released / "ckpt.pt", "clip."), (released / "best/pytorch_model.bin", "")):
        content = torch.load(path)
        tensors = content.get("state_dict", content)
        tensors[f"{prefix}vision_model.embeddings.position_embedding.weight"] = torch.zeros((size // 8) ** 2 + 1, 32)
        torch.save(content, path)
    convert_checkpoint(released, tmp_path / "converted")
    pictures = noise((33, 32), (32, 33), (47, 61), (61, 47), (131, 40), (20, 9), (9, 20), (57, 57), (500, 333))
    theirs = CLIPImageProcessorPil.from_pretrained(released / "best")(pictures, return_tensors="pt")["pixel_values"]
    ours = RaliImageProcessor.from_pretrained(tmp_path / "converted")(pictures, return_tensors="pt")["pixel_values"]
    assert ours.shape == (len(pictures), 3, size, size)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_score_range_follows_the_option(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released", scorer=()).folder
    np.savez(released / "basis.npz", vectors=np.eye(11, 8), scores=np.linspace(3, 97, 11))
    with pytest.raises(ValueError, match=r"from 3 to 97, outside the score range 1 to 5: .* --score-range"):
        convert_checkpoint(released, tmp_path / "converted")
    found = convert_checkpoint(released, tmp_path / "converted", score_range=(0, 100))
    assert found.score_range == (0, 100)
    assert tuple(RaliModel.from_pretrained(tmp_path / "converted").config.score_range) == (0, 100)


def test_existing_destination_is_left_alone(released: Path, tmp_path: Path) -> None:
    (tmp_path / "converted").mkdir()
    (tmp_path / "converted" / "diary.txt").write_text("dear diary")
    with pytest.raises(FileExistsError, match="converted: exists"):
        convert_checkpoint(released, tmp_path / "converted")
    assert [path.name for path in (tmp_path / "converted").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    "name",
    ["ckpt.pt", "pca.pkl", "basis.npz", "best/config.json", "best/preprocessor_config.json", "best/pytorch_model.bin"],
)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise"])
def test_missing_or_damaged_file_is_named(released: Path, tmp_path: Path, name: str, damage: str) -> None:
    path = released / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(np.random.default_rng(0).bytes(500))
    with pytest.raises(FileNotFoundError if damage == "missing" else ValueError, match=name):
        convert_checkpoint(released, tmp_path / "converted")
    assert [entry.name for entry in tmp_path.iterdir()] == ["released"]


def test_damaged_safetensors_file_is_named(tmp_path: Path) -> None:
    released = write_released(tmp_path / "released", safetensors=True).folder
    (released / "best/model.safetensors").write_bytes(b"\x01" * 100)
    with pytest.raises(ValueError, match=r"model\.safetensors: is damaged"):
        convert_checkpoint(released, tmp_path / "converted")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("scorer.pca_scale", (EMBED_DIM - 1,)),
        ("scorer.pca_components", (PCA_DIM, EMBED_DIM + 1)),
        ("scorer.pca_components", (0, EMBED_DIM)),
        ("scorer.prototypes", (PROTOTYPES, PCA_DIM - 1)),
        ("scorer.prototypes", (PROTOTYPES + 1, PCA_DIM)),
        ("scorer.proto_scores", (PROTOTYPES, 1)),
        ("scorer.logit_scale", (2,)),
        ("clip.visual_projection.weight", (EMBED_DIM, 31)),
        ("clip.vision_model.post_layernorm.weight", (33,)),
    ],
)
def test_misshapen_tensor_is_named_with_its_file(
    released: Path, tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    edit_state_dict(released, {name: torch.ones(shape)})
    culprit = "scorer.proto_scores" if shape == (PROTOTYPES + 1, PCA_DIM) else name
    with pytest.raises(ValueError, match=rf"ckpt\.pt: .*{culprit} is"):
        convert_checkpoint(released, tmp_path / "converted")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["scorer.prototypes", "clip.vision_model.post_layernorm.bias", "clip.logit_scale"])
def test_tensor_that_is_not_finite_is_named_with_its_file(
    released: Path, tmp_path: Path, name: str, value: float
) -> None:
    tensor = torch.load(released / "ckpt.pt")["state_dict"][name]
    tensor.view(-1)[0] = value
    edit_state_dict(released, {name: tensor})
    with pytest.raises(ValueError, match=rf"ckpt\.pt: the tensor {name} has values that are not finite"):
        convert_checkpoint(released, tmp_path / "converted")


@pytest.mark.parametrize("value", [np.nan, -1.0])
@pytest.mark.parametrize("attribute", ["mean_", "components_", "var_"])
def test_impossible_array_of_the_pca_is_named_with_its_file(tmp_path: Path, attribute: str, value: float) -> None:
    def dump(estimator: Any, path: Path) -> None:
        estimator = copy.deepcopy(estimator)
        getattr(estimator, attribute)[..., 2] = value
        dump_pickle(estimator, path)

    released = write_released(tmp_path / "released", dump=dump).folder
    if value == -1.0 and attribute != "var_":
        convert_checkpoint(released, tmp_path / "converted")
    else:
        with pytest.raises(ValueError, match=rf"pca\.pkl: .*{attribute}"):
            convert_checkpoint(released, tmp_path / "converted")


def test_basis_that_is_not_finite_is_refused_even_where_ckpt_wins(released: Path, tmp_path: Path) -> None:
    np.savez(released / "basis.npz", vectors=np.full((11, 8), np.nan), scores=np.ones(11))
    with pytest.raises(ValueError, match=r"basis\.npz: the tensor vectors has values that are not finite"):
        convert_checkpoint(released, tmp_path / "converted")


def test_zero_scale_and_senseless_temperature_are_refused(released: Path, tmp_path: Path) -> None:
    edit_state_dict(released, {"scorer.pca_scale": torch.zeros(EMBED_DIM)})
    with pytest.raises(ValueError, match=r"ckpt\.pt: scorer\.pca_scale has zeros"):
        convert_checkpoint(released, tmp_path / "converted")
    edit_state_dict(released, {"scorer.pca_scale": torch.ones(EMBED_DIM), "scorer.logit_scale": torch.tensor(-3.0)})
    with pytest.raises(ValueError, match=r"ckpt\.pt: scorer\.logit_scale is -3\.0"):
        convert_checkpoint(released, tmp_path / "converted")


@pytest.mark.parametrize("name", ["scorer.pca_mean", "optimizer.step", "clip.vision_model.extra", "clip.extra"])
def test_tensor_of_unknown_meaning_is_refused(released: Path, tmp_path: Path, name: str) -> None:
    edit_state_dict(released, {name: torch.ones(3)})
    with pytest.raises(ValueError, match=rf"ckpt\.pt: the tensor {name} is no part of"):
        convert_checkpoint(released, tmp_path / "converted")


def test_vision_tensor_in_neither_file_is_named(released: Path, tmp_path: Path) -> None:
    name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    edit_state_dict(released, {f"clip.{name}": None})
    convert_checkpoint(released, tmp_path / "of_best")
    state_dict = torch.load(released / "best/pytorch_model.bin")
    expected = state_dict.pop(name)
    converted = load_file(tmp_path / "of_best/model.safetensors")
    torch.testing.assert_close(converted[name], expected, rtol=0, atol=0)
    torch.save(state_dict, released / "best/pytorch_model.bin")
    with pytest.raises(ValueError, match=rf"pytorch_model\.bin lacks 1 tensors that ckpt\.pt lacks too: {name}"):
        convert_checkpoint(released, tmp_path / "converted")


def test_checkpoint_without_a_state_dict_of_tensors_is_refused(released: Path, tmp_path: Path) -> None:
    torch.save({"weights": {}}, released / "ckpt.pt")
    with pytest.raises(ValueError, match=r'ckpt\.pt: has no "state_dict"'):
        convert_checkpoint(released, tmp_path / "converted")
    torch.save({"state_dict": {"scorer.prototypes": [1.0]}}, released / "ckpt.pt")
    with pytest.raises(ValueError, match=r"ckpt\.pt: is no dict of tensors by name"):
        convert_checkpoint(released, tmp_path / "converted")


class Touch:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["ckpt.pt", "best/pytorch_model.bin", "basis.npz", "pca.pkl"])
def test_code_in_any_file_is_refused_and_does_not_run(released: Path, tmp_path: Path, name: str) -> None:
    bait, marker = {"state_dict": {"scorer.prototypes": Touch(tmp_path / "ran")}}, tmp_path / "ran"
    load: Callable[[Path], object] = partial(torch.load, weights_only=False)
    if name == "basis.npz":
        np.savez(released / name, vectors=np.array([Touch(marker)], dtype=object), scores=np.ones(1))
        load = lambda path: np.load(path, allow_pickle=True)["vectors"]  # noqa: E731
    elif name == "pca.pkl":
        joblib.dump(Touch(marker), released / name)
        load = joblib.load
    else:
        torch.save(bait, released / name)
    with pytest.raises(ValueError, match=name):
        convert_checkpoint(released, tmp_path / "converted")
    assert not marker.exists()
    load(released / name)
    assert marker.exists(), "the bait would not have run anyway"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"crop_size": 24}, "crop_size"),
        ({"crop_size": {"height": 32, "width": 30}}, "crop_size"),
        ({"crop_size": None}, "crop_size"),
        ({"size": {"height": 32, "width": 32}}, "size"),
        ({"size": {"shortest_edge": 40}}, "crop_size"),
        ({"size": 24, "crop_size": 24}, "image_size 32"),
        ({"resample": 2}, "resample is"),
        ({"rescale_factor": 1 / 127.5}, "rescale_factor"),
        ({"do_pad": True}, "do_pad"),
        ({"do_resize": False}, "do_resize is False"),
        ({"do_center_crop": False}, "do_center_crop is False"),
        ({"do_rescale": False}, "do_rescale is False"),
        ({"do_normalize": False}, "do_normalize is False"),
        ({"do_convert_rgb": False}, "do_convert_rgb is False"),
        ({"image_std": [0.1, 0.1]}, "image_std"),
        ({"image_mean": 0.5}, "float"),
        ({"image_processor_type": "ViTImageProcessor"}, "ViTImageProcessor"),
    ],
)
def test_preprocessing_that_cannot_be_reproduced_is_named(
    released: Path, tmp_path: Path, setting: dict[str, Any], complaint: str
) -> None:
    edit_json(released / "best/preprocessor_config.json", lambda config: config.update(setting))
    with pytest.raises(ValueError, match=rf"preprocessor_config\.json: .*{complaint}"):
        convert_checkpoint(released, tmp_path / "converted")


@pytest.mark.parametrize("content", [{"model_type": "siglip"}, {"model_type": "clip", "projection_dim": "wide"}, []])
def test_config_of_another_model_is_refused(released: Path, tmp_path: Path, content: Any) -> None:
    (released / "best/config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"config\.json: "):
        convert_checkpoint(released, tmp_path / "converted")


def test_processor_settings_left_out_are_those_of_clip(released: Path, tmp_path: Path) -> None:
    edit_json(released / "best/config.json", lambda config: config["vision_config"].update(image_size=224))
    (released / "best/preprocessor_config.json").write_text('{"feature_extractor_type": "CLIPFeatureExtractor"}')
    with pytest.raises(ValueError, match=r"position_embedding\.weight is \(17, 32\)"):
        convert_checkpoint(released, tmp_path / "converted")


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_state_dict(released: Path, tensors: dict[str, torch.Tensor | None]) -> None:
    """Set tensors of ckpt.pt, or take them out."""
    checkpoint = torch.load(released / "ckpt.pt")
    for name, tensor in tensors.items():
        if tensor is None:
            del checkpoint["state_dict"][name]
        else:
            checkpoint["state_dict"][name] = tensor
    torch.save(checkpoint, released / "ckpt.pt")

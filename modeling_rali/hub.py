"""Model cards, and pushing checkpoints to the Hub."""

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData

from .inference import load_model
from .metrics_file import read_metrics
from .modeling_rali import RaliModel

TRAINING_FILE = "training.json"
"""In a checkpoint's folder: the facts of its training that its card shows, see `model_card`."""

_CARD_TEMPLATE = Path(__file__).parent / "hub_cards" / "model_card.md"

_FACTS = {
    "dataset": "data",
    "num_images": "pictures",
    "num_degraded_images": "degraded copies",
    "teacher": "teacher of the texts",
    "tower": "tower",
    "tower_license": "licence of the tower",
    "command": "command",
    "seed": "seed",
    "minutes": "minutes of alignment",
    "versions": "versions",
}
_METRICS = {
    "srcc": ("SRCC", "spearmanr"),
    "plcc": ("PLCC", "pearsonr"),
    "plcc_logistic": ("PLCC, mapped", "pearsonr_logistic"),
    "krcc": ("KRCC", "kendalltau"),
    "rmse_logistic": ("RMSE, mapped", "rmse_logistic"),
}
_COLUMNS = ("data", "split", "pictures", "failed", *(label for label, _ in _METRICS.values()), "SRCC within groups")


def push_to_hub(
    model: RaliModel | str | Path, repo_id: str, *, metrics: Path | None = None, private: bool = False
) -> str:
    """Push a checkpoint to a model repository on the Hub, made if need be.

    Uploaded are configuration, weights (safetensors), image processor, the code that loads them without this package,
    the training facts if there are any, and a card rendered anew from all of these; nothing else that a folder may hold.

    Args:
        model: a model, or the folder of a checkpoint.
        repo_id: "user/name".
        metrics: what `rali evaluate` wrote about this model, for the card.
        private: make the repository private.

    Returns:
        The address of the repository.

    Raises:
        ValueError: before anything is sent, if the checkpoint is not whole or the metrics are not of one model; and if
            the repository exists and is public, but a private one is asked for.
        huggingface_hub.errors.HTTPError: if the Hub cannot be reached; HfHubHTTPError, a kind of it, if it refuses.
    """
    training: dict[str, Any] = {}
    if not isinstance(model, RaliModel):
        folder = Path(model)
        model = load_model(folder, device="cpu")
        if (folder / TRAINING_FILE).is_file():
            training = _read_json(folder / TRAINING_FILE)
    evaluation = {} if metrics is None else metrics_of_one_model(metrics)
    with tempfile.TemporaryDirectory() as staging:
        staged = Path(staging) / "checkpoint"
        model.save_pretrained(staged)
        load_model(staged, device="cpu")  # refuses what would not load from the Hub either
        if training:
            (staged / TRAINING_FILE).write_text(json.dumps(training, indent=2) + "\n", encoding="utf-8")
        api = HfApi()
        address = api.create_repo(repo_id, private=private, exist_ok=True)
        if private and not api.model_info(address.repo_id).private:
            raise ValueError(f"{address.repo_id} exists and is public: make it private first, or push elsewhere.")
        name = address.repo_id.rpartition("/")[2]
        card = model_card(model, name, location=address.repo_id, training=training, metrics=evaluation)
        card.save(staged / "README.md")
        api.upload_folder(repo_id=address.repo_id, folder_path=staged, commit_message=f"Upload {name}")
    return str(address)


def model_card(
    model: RaliModel,
    name: str,
    *,
    location: str | None = None,
    training: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> ModelCard:
    """The card of a checkpoint, from the model's configuration and tensors, facts of its training, and its figures.

    Args:
        model: the model.
        name: what to call it.
        location: what loads it: repository or folder; `None` for the checkpoint that ships with the package.
        training: any of `dataset` (name), `num_images`, `num_degraded_images`, `teacher` (who wrote the texts it was
            aligned with), `tower` (what it is and where it is from), `tower_license`, `command`, `seed`, `minutes` (of the
            alignment), `versions` (by package) and `license` (of the checkpoint, a Hub identifier such as "apache-2.0");
            other entries are not shown.
        metrics: what `metrics_of_one_model` gives.
    """
    training, metrics = training or {}, metrics or {}
    results = metrics.get("results", [])
    config, head = model.config, model.head
    license_id = training.get("license")
    data = ModelCardData(
        model_name=name,
        license=license_id,
        library_name="transformers",
        pipeline_tag="image-classification",
        tags=["image-quality-assessment", "iqa", "no-reference", "rali"],
        datasets=[training["dataset"]] if "dataset" in training else None,
        metrics=["spearmanr", "pearsonr"] if results else None,
        eval_results=[
            EvalResult(
                task_type="image-classification",
                task_name="No-reference image quality assessment",
                dataset_type=result["dataset"],
                dataset_name=result["dataset"],
                dataset_split=result["split"],
                metric_type=metric,
                metric_name=label,
                metric_value=round(result[key], 4),
            )
            for result in results
            for key, (label, metric) in _METRICS.items()
            if _is_number(result[key])
        ]
        or None,
    )
    low, high = config.score_range
    tower_parameters = model.vision_model.num_parameters()
    return ModelCard.from_template(
        data,
        template_path=str(_CARD_TEMPLATE),
        name=name,
        location=location,
        location_literal=f'"{location}"' if location else "DEFAULT_CHECKPOINT",
        model_argument=f', model="{location}"' if location else "",
        low=f"{low:g}",
        high=f"{high:g}",
        tower=config.vision_config.model_type,
        tower_parameters=f"{tower_parameters:,}",
        head_parameters=f"{model.num_parameters() - tower_parameters:,}",
        is_clip=config.vision_config.model_type == "clip_vision_model",
        resize=model.image_processor.resize,
        size=model.image_processor.size,
        pooling=config.pooling,
        has_projection=model.projection is not None,
        embed_dim=config.embed_dim,
        pca_dim=config.pca_dim,
        num_prototypes=config.num_prototypes,
        temperature=f"{head.temperature.item():.3g}",
        lowest=f"{head.prototype_scores.min().item():.2f}",
        highest=f"{head.prototype_scores.max().item():.2f}",
        training=training,
        facts=[(label, _shown(training[key])) for key, label in _FACTS.items() if training.get(key) is not None],
        figures=[_COLUMNS, *(_row(result) for result in results)] if results else None,
        evaluation="; ".join(f"{key} {_shown(metrics[key])}" for key in ("seed", "versions") if key in metrics),
        license=license_id,
    )


def metrics_of_one_model(path: Path) -> dict[str, Any]:
    """Read what `rali evaluate` wrote about one model, for its card.

    Raises:
        ValueError: if it is not that (see `read_metrics`), or of more than one model; the message names the file.
    """
    metrics = read_metrics(path)
    models = sorted({result["model"] for result in metrics["results"]})
    if len(models) > 1:
        raise ValueError(
            f"{path}: has results of several models, {', '.join(models)}: evaluate the one that is pushed."
        )
    return metrics


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is not a JSON object.")
    return content


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _figure(value: Any) -> str:
    return f"{value:.3f}" if _is_number(value) else "–"


def _row(result: Mapping[str, Any]) -> list[str]:
    """A row of the table of figures, see `_COLUMNS`."""
    figures = {key: _figure(result[key]) for key in _METRICS}
    if result["srcc_ci95"]:
        figures["srcc"] += f" ({' to '.join(_figure(bound) for bound in result['srcc_ci95'])})"
    within = result["within_group"] and result["within_group"]["mean"]
    counts = [f"{result['n']:,}", f"{result['n_failed']:,}"]
    return [result["dataset"], result["split"], *counts, *figures.values(), _figure(within)]


def _shown(value: Any) -> str:
    """A fact as the text of a table's cell."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {part}" for key, part in value.items())
    text = f"{value:.1f}" if isinstance(value, float) else f"{value}"
    return " ".join(text.split()).replace("|", r"\|")

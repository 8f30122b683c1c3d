"""`rali info`: what a checkpoint is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import stop

if TYPE_CHECKING:
    import torch

    from modeling_rali import RaliModel


def info(
    model: Annotated[
        str | None, typer.Option(metavar="DIR|ID", help="Checkpoint folder or Hub model.", show_default="rali-nano")
    ] = None,
) -> None:
    """Show what model this is: its score range, tower, head, what pixels it sees, and what its card says."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from transformers.utils import logging

    from modeling_rali.inference import ModelLoadError, load_model

    logging.disable_progress_bar()
    try:
        loaded = load_model(model, device="cpu")
    except ModelLoadError as error:
        stop(str(error), 2)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in (_facts(loaded) | _card_facts(loaded)).items():
        grid.add_row(name, value)
    Console(highlight=False, markup=False).print(Panel(grid, title="RALI", title_align="left", expand=False))


def _facts(model: RaliModel) -> dict[str, str]:
    from modeling_rali import DEFAULT_CHECKPOINT

    config, head, processor = model.config, model.head, model.image_processor
    low, high = config.score_range
    low_score, high_score = (limit.item() for limit in head.prototype_scores.detach().aminmax())
    pooled = (
        f"hidden states {', '.join(map(str, config.feature_indices))}" if config.feature_indices else config.pooling
    )
    pixels = {
        "short_edge": f"short side to {processor.size} px, centre {processor.size} × {processor.size}",
        "stretch": f"whole picture to {processor.size} × {processor.size} px",
        "area": f"whole picture to about {processor.size}² px, sides multiples of {processor.multiple}",
    }[processor.resize]
    shipped = " (ships with modeling-rali)" if model.name_or_path == DEFAULT_CHECKPOINT else ""
    facts = {
        "checkpoint": f"{model.name_or_path}{shipped}",
        "revision": getattr(config, "_commit_hash", None) or "",
        "score range": f"{low:g} to {high:g}, higher is better",
        "sees": pixels,
        "tower": f"{config.vision_config.model_type}, {model.vision_model.num_parameters():,} parameters, {_dtype(model)}",
        "embedding": f"{config.embed_dim} wide, from {pooled}",
        "head": f"{sum(tensor.numel() for tensor in head.state_dict().values()):,} parameters, {_dtype(head.scale)}",
        "prototypes": f"{config.num_prototypes} in {config.pca_dim} dimensions, their scores from "
        f"{low_score:.2f} to {high_score:.2f}",
        "temperature": f"{head.temperature.item():.4g}",
    }
    if config.quality_terms:
        facts["quality terms"] = "; ".join(f"{good} or {bad}" for good, bad in config.quality_terms)
    return {name: fact for name, fact in facts.items() if fact}


def _card_facts(model: RaliModel) -> dict[str, str]:
    """What the head of the checkpoint's README.md says, where it has one."""
    from huggingface_hub import ModelCard
    from transformers.utils import cached_file

    try:
        card = ModelCard.load(str(cached_file(str(model.name_or_path), "README.md"))).data
    except OSError:  # no card
        return {}
    facts = {
        "training data": card.datasets,
        "base model": card.base_model,
        "licence": card.license,
        "figures": [
            f"{result.metric_name or result.metric_type} {result.metric_value} on {result.dataset_name}"
            for result in card.eval_results or ()
        ],
    }
    return {
        name: "; ".join(map(str, fact)) if isinstance(fact, list) else str(fact) for name, fact in facts.items() if fact
    }


def _dtype(tensors: torch.Tensor | RaliModel) -> str:
    return str(tensors.dtype).removeprefix("torch.")

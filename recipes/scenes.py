"""Find the scenes of a benchmark's train split and set a part of them aside for validation.

    python recipes/scenes.py --dataset biq2021 --data_dir DIR --output scenes.csv

Pictures of like content, by the top layer of an ImageNet classifier, count as one scene. Writes one row a picture:
image_id, group, split ("train" or "validation"). All later stages read this file, so that they agree on who is where.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class ScenesArguments:
    """Which benchmark, and how alike two pictures of one scene are."""

    data_dir: str = field(metadata={"help": "Folder of the benchmark, as its owners' archive unpacks."})
    output: str = field(metadata={"help": "CSV to write."})
    dataset: str = field(default="biq2021", metadata={"help": "Name of the benchmark; `rali datasets` lists them."})
    similarity: float = field(default=0.7, metadata={"help": "Cosine similarity above which pictures are one scene."})
    validation_share: float = field(default=0.12, metadata={"help": "Share of the pictures for validation."})
    seed: int = field(default=0, metadata={"help": "Of the draw of the scenes for validation."})


def main() -> None:
    """Embed, group, split, write."""
    from trl import TrlParser

    (arguments,) = TrlParser(ScenesArguments).parse_args_and_config()

    import numpy as np
    import pandas as pd
    from rich.console import Console

    from modeling_rali.conversion.efficientnet_lite import rali_on_efficientnet_lite0
    from modeling_rali.iqa_datasets import load_iqa_dataset
    from modeling_rali.iqa_datasets.scenes import scene_groups, split_groups
    from modeling_rali.prototypes import embed_pictures, picture_paths
    from modeling_rali.replacing import replacing

    output = Path(arguments.output)
    dataset = load_iqa_dataset(arguments.dataset, arguments.data_dir, split="train")
    model = rali_on_efficientnet_lite0(size=224, content=True)
    embeds = embed_pictures(model, picture_paths(dataset), output.with_suffix(".safetensors"), mirrored=False)
    groups = scene_groups(embeds[0].numpy(), arguments.similarity)
    split = split_groups(groups, arguments.validation_share, arguments.seed)
    table = pd.DataFrame({"image_id": dataset["image_id"], "group": groups, "split": split})
    with replacing(output) as file:
        table.to_csv(file, index=False)
    Console().print(
        f"{output}: {len(table)} pictures in {len(np.unique(groups))} scenes, the largest of {np.bincount(groups).max()}; "
        f"{(split == 'validation').sum()} for validation."
    )


if __name__ == "__main__":
    main()

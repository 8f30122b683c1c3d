"""Finding the pictures of one scene in a set whose owners do not name them."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def scene_groups(embeds: np.ndarray, threshold: float) -> np.ndarray:
    """Group pictures so that any two with like content are in one group.

    Two pictures are linked where the cosine similarity of their content embeddings is above `threshold`; a group is
    whatever is linked directly or through others. The mean embedding is taken off first, which leaves what tells the
    pictures apart.

    Args:
        embeds: (N, D) content embeddings, for example the last layer of an ImageNet classifier.
        threshold: cosine similarity in (-1, 1). A low one groups too much, which is the safe side for a split.

    Returns:
        (N,) group numbers, from 0 without gaps.
    """
    centred = np.asarray(embeds, dtype=np.float32) - np.mean(embeds, axis=0, dtype=np.float32)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    links: list[np.ndarray] = []
    for start in range(0, len(unit), 1024):  # a block of rows at a time: all pairs at once would not fit for large sets
        rows, columns = np.nonzero(unit[start : start + 1024] @ unit.T > threshold)
        links.append(np.stack([rows + start, columns]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(unit), len(unit)))
    return connected_components(graph, directed=False)[1]


def split_groups(groups: np.ndarray, validation_share: float, seed: int = 0) -> np.ndarray:
    """Draw whole groups at random for validation until about `validation_share` of the pictures are in it.

    Args:
        groups: (N,) group numbers.
        validation_share: in (0, 1).
        seed: of the draw.

    Returns:
        (N,) "train" or "validation".

    Raises:
        ValueError: if either side would be empty.
    """
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    sizes = np.bincount(groups)[order]
    chosen = order[np.cumsum(sizes) <= validation_share * len(groups)]
    validation = np.isin(groups, chosen)
    if validation.all() or not validation.any():
        raise ValueError(
            f"{len(order)} groups of {len(groups)} pictures cannot be split with {validation_share} for validation: "
            "give more pictures, another share, or a higher similarity that makes smaller groups."
        )
    return np.where(validation, "validation", "train")

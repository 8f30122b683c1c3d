"""From embeddings to a head: compression, binned k-means and fine-tuning."""

from .binned_kmeans import binned_kmeans
from .compression import Compression, fit_compression, fit_supervised_compression
from .embedding import embed_pictures, picture_paths
from .fine_tuning import Embedded, FineTuning, fine_tune
from .fitting import HeadFit, fit_head

__all__ = [
    "Compression",
    "Embedded",
    "FineTuning",
    "HeadFit",
    "binned_kmeans",
    "embed_pictures",
    "fine_tune",
    "fit_compression",
    "fit_head",
    "fit_supervised_compression",
    "picture_paths",
]

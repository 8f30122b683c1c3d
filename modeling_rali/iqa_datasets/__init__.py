"""The field's benchmarks, one module each, read from the folders that their owners' archives unpack to."""

from .benchmark import Benchmark, IQADatasetError, Record
from .catalogue import BENCHMARKS, default_eval_split, get_benchmark
from .folders import LabelledFolder, Report, check_dataset, read_folder
from .loading import MissingPicturesWarning, load_iqa_dataset
from .publishing import push_iqa_dataset
from .splits import hashed_split

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "IQADatasetError",
    "LabelledFolder",
    "MissingPicturesWarning",
    "Record",
    "Report",
    "check_dataset",
    "default_eval_split",
    "get_benchmark",
    "hashed_split",
    "load_iqa_dataset",
    "push_iqa_dataset",
    "read_folder",
]

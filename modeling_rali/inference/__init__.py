"""Scoring many pictures: finding and reading them, writing and resuming results, maps, reports."""

from .finding import find_pictures, picture_suffixes, written_name
from .loading import ModelLoadError, find_device, load_model
from .maps import draw_map
from .report import MOST_SHOWN, render_report
from .results import ResultsFile, read_results
from .scorer import MAX_PIXELS, Result, check_same_model, default_batch_size, score_files, score_rows
from .text_bank import TextBank

__all__ = [
    "MAX_PIXELS",
    "MOST_SHOWN",
    "ModelLoadError",
    "Result",
    "ResultsFile",
    "TextBank",
    "check_same_model",
    "default_batch_size",
    "draw_map",
    "find_device",
    "find_pictures",
    "load_model",
    "picture_suffixes",
    "read_results",
    "render_report",
    "score_files",
    "score_rows",
    "written_name",
]

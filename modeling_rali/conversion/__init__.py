"""Checkpoints of others → RALI checkpoints."""

from .released_checkpoint import Conversion, convert_checkpoint

__all__ = ["Conversion", "convert_checkpoint"]

"""Contrastive alignment of an image tower with quality texts."""

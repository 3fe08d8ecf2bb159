"""Choosing among the endpoints of a model: which remain, and in which order they are tried. Pure."""

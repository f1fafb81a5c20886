"""Controlled threads: the effects that the pure part of the engine decides about."""

"""Strategies: which task runs next. One file each, with its paper and guarantee."""

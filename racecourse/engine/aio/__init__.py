"""Controlled asyncio: the standard library's own, on a loop without a selector."""

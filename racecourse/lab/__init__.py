"""The lesson's comparison, made right: threads, processes and asyncio on this machine."""

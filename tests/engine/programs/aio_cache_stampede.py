"""Every task that finds the cache empty fetches; only the first one should."""

import asyncio


async def _run(*, share: bool) -> None:
    cache = {}
    fetched = []

    async def fetch() -> str:
        fetched.append(1)
        await asyncio.sleep(1)
        return "page"

    async def get(delay: float) -> str:
        await asyncio.sleep(delay)
        if "page" not in cache:
            if share:
                cache["page"] = asyncio.ensure_future(fetch())
            else:
                cache["page"] = await fetch()
        page = cache["page"]
        return await page if share else page

    pages = await asyncio.gather(get(0), get(0.5))
    assert pages == ["page", "page"]
    assert len(fetched) == 1


async def buggy() -> None:
    await _run(share=False)


async def correct() -> None:
    await _run(share=True)

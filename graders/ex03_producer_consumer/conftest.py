"""What goes into a pipeline and what must come out, drawn anew for every run."""

from dataclasses import dataclass

import pytest

from racecourse.checks import must

_BELOW = 1_000_000  # items are drawn below it; 0 has a check of its own


@dataclass(frozen=True)
class Work:
    """A list of items for each producer, and the key by which consuming turns them."""

    lists: list[list[int]]
    key: int
    offset: int

    @property
    def args(self):
        """The arguments that a scenario takes for this work."""
        return {"lists": self.lists, "key": self.key, "offset": self.offset}

    @property
    def items(self):
        """Every item, whoever makes it."""
        return [item for items in self.lists for item in items]

    def items_of(self, results):
        """Return the items that gave these results; a wrong result stays as it is."""
        item_of = {item * self.key + self.offset: item for item in self.items}
        return [item_of.get(r, r) if type(r) is int else r for r in results]

    def must_be_done(self, seen, *, run, failed=()):
        """Demand that each item was consumed once, and that only those `failed` did.

        Args:
            seen: The plain PipelineResult.
            run: Which run this was, to begin a sentence with.
            failed: Items whose consume() raised.
        """
        count = len(self.items)
        fine = [item for item in self.items if item not in failed]
        results = self.items_of(seen["results"])
        must.have_same_items(results, fine, what=f"{run}, items in results")
        in_errors = [item for item, _ in seen["errors"]]
        must.have_same_items(in_errors, failed, what=f"{run}, items in errors")
        must.equal(seen["produced"], count, what=f"{run}, produced")
        must.equal(seen["consumed"], count, what=f"{run}, consumed")
        must.equal(seen["cancelled"], False, what=f"{run}, cancelled")  # noqa: FBT003


@pytest.fixture
def work(draw):
    """Draw work for so many producers; one item is made twice, and both count."""

    def drawn(producers, each=12):
        items = draw.sample(range(1, _BELOW), producers * each)
        lists = [items[each * n : each * (n + 1)] for n in range(producers)]
        lists[0][-1] = lists[0][0]
        return Work(lists, key=draw.randrange(3, _BELOW), offset=draw.randrange(_BELOW))

    return drawn


@pytest.fixture
def backends(submission):
    """Give a worker for each backend, so that two runs can wait at the same time."""
    with submission.fresh() as other:
        yield {"thread": submission, "process": other}

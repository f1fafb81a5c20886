"""A worker may end in the instant after it was let go: that is its end, not our failure."""

from pathlib import Path

import pytest

from racecourse.model.exercise import Limits
from racecourse.sandbox.endings import Died
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Zygote
from racecourse.sandbox.levels import PLAIN, level_named
from racecourse.sandbox.payload import Payload
from tests.levels import offered

_TIMES = 25


@pytest.mark.parametrize("name", ["root", "plain"])
def test_a_submission_that_exits_at_once_has_died(name: str, tmp_path: Path):
    level = level_named(name) if offered(name, tmp_path) else PLAIN
    zygote = Zygote(lanes=1, level=level)
    lane = zygote.first_lane()
    for _ in range(_TIMES):
        worker = lane.launch(Payload(solution="import os\nos._exit(3)\n"), Limits())
        with pytest.raises(Died) as caught:
            worker.load(LoadOptions(), within_s=20)
        assert caught.value.code == 3
        worker.close()
    assert zygote.close()

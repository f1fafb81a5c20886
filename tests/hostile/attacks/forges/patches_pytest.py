"""Patches the report that pytest makes of a test.

Outcomes: wrong-result
"""


def attack():
    import _pytest.reports

    _pytest.reports.TestReport.from_item_and_call = classmethod(lambda *a: None)
    _pytest.reports.TestReport.outcome = "passed"
    return 41

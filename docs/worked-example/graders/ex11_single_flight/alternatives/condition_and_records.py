"""A record for each call, and one condition on which everybody waits."""

import threading


class _Call:
    done = False
    value = None
    error = None


class SingleFlight:
    """Lets callers who ask for the same key at the same time share one call."""

    def __init__(self):
        self._changed = threading.Condition()
        self._calls = {}

    def do(self, key, call):
        with self._changed:
            record = self._calls.get(key)
            if record is not None:
                self._changed.wait_for(lambda: record.done)
                return self._outcome(record)
            record = self._calls[key] = _Call()
        try:
            record.value = call()
        except BaseException as error:
            record.error = error
        with self._changed:
            record.done = True
            del self._calls[key]
            self._changed.notify_all()
        return self._outcome(record)

    @staticmethod
    def _outcome(record):
        if record.error is not None:
            raise record.error
        return record.value

"""cached_property: attributes that are computed once, or once per period."""

import threading
import time

from cached_property import threaded_cached_property, threaded_cached_property_with_ttl


class Sensor:
    def __init__(self):
        self.readings = 0

    @threaded_cached_property
    def once(self):
        self.readings += 1
        return self.readings

    @threaded_cached_property_with_ttl(ttl=10)
    def lately(self):
        self.readings += 1
        return self.readings


def _in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_value_is_computed_once():
    sensor = Sensor()
    seen = []
    _in_threads(*[lambda: seen.append(sensor.once)] * 3)
    assert seen == [1, 1, 1]


def a_value_with_a_ttl_is_computed_once_in_that_time():
    sensor = Sensor()
    seen = []
    _in_threads(*[lambda: seen.append(sensor.lately)] * 2)
    assert seen == [1, 1]


def a_value_is_computed_again_after_its_time():
    sensor = Sensor()
    _in_threads(lambda: sensor.lately)
    time.sleep(11)
    seen = []
    _in_threads(*[lambda: seen.append(sensor.lately)] * 2)
    assert seen == [2, 2]

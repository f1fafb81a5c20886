"""cachetools: memoizing decorators that take a lock or a condition."""

import threading
import time

from cachetools import LRUCache, TTLCache, cached


def _in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_condition_has_each_value_computed_once():
    computed = []

    @cached(LRUCache(maxsize=2), condition=threading.Condition())
    def square(number):
        computed.append(number)
        return number * number

    values = []
    _in_threads(*[lambda: values.append(square(3))] * 3)
    assert values == [9, 9, 9]
    assert computed == [3]


def a_lock_keeps_the_books_of_a_small_cache():
    cache = LRUCache(maxsize=2)

    @cached(cache, lock=threading.Lock(), info=True)
    def square(number):
        return number * number

    def ask(*numbers):
        assert [square(n) for n in numbers] == [n * n for n in numbers]

    _in_threads(lambda: ask(1, 2), lambda: ask(2, 3))
    info = square.cache_info()
    assert info.hits + info.misses == 4
    assert len(cache) == cache.currsize == 2


def a_ttl_cache_forgets_in_time():
    computed = []

    @cached(TTLCache(maxsize=2, ttl=10), lock=threading.Lock())
    def square(number):
        computed.append(number)
        return number * number

    def ask():
        assert square(3) == 9

    _in_threads(ask, ask)
    before = len(computed)
    assert before in {1, 2}
    time.sleep(11)
    _in_threads(ask)
    assert len(computed) == before + 1


def without_the_lock_that_the_manual_demands():
    cache = LRUCache(maxsize=1)
    square = cached(cache)(lambda number: number * number)
    _in_threads(lambda: square(1), lambda: square(2))
    assert len(cache) == cache.currsize == 1

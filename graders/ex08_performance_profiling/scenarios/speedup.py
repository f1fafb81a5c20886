"""Scenarios of the speed checks."""

import json

from scenarios import records
from slow_pipeline import process_records_slow

from racecourse.sandbox import stage

_made = []


def make(count, keys):
    """Make records, before anything is measured."""
    _made[:] = [records.record(f"key {i * 7 % keys}", i) for i in range(count)]
    return len(_made)


def fast():
    """Run the submission over what was made; return its sums."""
    return records.run(_made, str, workers=2)


def slow():
    """Run the given program over what was made; return its sums."""
    return records.plain(process_records_slow(_made, str, workers=2))


def parses(count):
    """Count how often a JSON text is decoded, whoever does it."""
    decode, texts = json.JSONDecoder.decode, []

    def counted(self, text, *args):
        texts.append(1)
        return decode(self, text, *args)

    source = [records.record(f"key {i % 7}", 1) for i in range(count)]
    json.JSONDecoder.decode = counted
    try:
        records.run(source, str, workers=2)
    finally:
        json.JSONDecoder.decode = decode
    return len(texts)


def held_back(keys, workers):
    """Run with every look-up held; the source tells of each record that is taken."""
    source = (records.record(key, 1) for key in keys)
    return records.run(records.noted(source), records.held, workers=workers)


def large(program, count, size):
    """Run over large records, made one by one; hold the end until we are looked at."""

    def source():
        for i in range(count):
            padding = str(i).rjust(size, "x")
            yield json.dumps(
                {"key": f"key {i % 3}", "amount": 1, "p": padding}
            ).encode()

    run = process_records_slow if program == "slow" else records.process_records
    stage.note("begun")
    return records.plain(run(source(), str, workers=2))

"""Runs the tests beside it and counts them; used by tests/python/run."""

import sys
import unittest


def main(folder, tally):
    suite = unittest.defaultTestLoader.discover(folder)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    passed = result.testsRun - failed - skipped
    print(f"python: {passed} passed, {failed} failed, {skipped} skipped")
    if tally:
        with open(tally, "a", encoding="ascii") as file:
            print(passed, failed, skipped, file=file)
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

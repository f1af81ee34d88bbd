# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""unittap.py FILE: runs a Python file's unit tests and prints TAP."""
import importlib.util
import sys
import unittest


class Tap(unittest.TestResult):
    def told(self, word, test, after=""):
        print(f"{word} {self.testsRun} - {test.id()}{after}", flush=True)

    def addSuccess(self, test):
        self.told("ok", test)

    def addSkip(self, test, reason):
        self.told("ok", test, f" # SKIP {reason}")

    def wrong(self, test, error):
        self.told("not ok", test)
        print("".join(f"# {line}\n" for line in self._exc_info_to_string(error, test).splitlines()), end="")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.wrong(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.wrong(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            print("".join(f"# {line}\n" for line in self._exc_info_to_string(error, subtest).splitlines()), end="")


def main():
    spec = importlib.util.spec_from_file_location("tests", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    sys.modules["tests"] = module
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    print(f"1..{suite.countTestCases()}", flush=True)
    result = Tap()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

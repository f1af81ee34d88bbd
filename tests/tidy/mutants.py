# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Each mutant finds the text that it replaces: a bug that no longer fits the tree is sown by nobody."""
import sys

import common

sys.path.insert(0, str(common.SOURCE / "contrib/lib"))
import mutants  # noqa: E402


def main():
    tap = common.Tap()
    complaints = []
    for mutant in mutants.mutants_load(common.SOURCE, []):
        try:
            mutant.apply(lambda name: (common.SOURCE / name).read_text(encoding="utf-8"))
        except (mutants.Failure, OSError) as e:
            complaints.append(str(e))
    tap.result("every mutant finds the text that it replaces", complaints)
    tap.done()


if __name__ == "__main__":
    main()

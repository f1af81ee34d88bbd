# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The lists of files in the local.mk fragments say what the folders hold."""
import subprocess
import sys

import common


def lists_check(root):
    run = subprocess.run([sys.executable, "-B", str(common.SOURCE / "contrib/dev/update-sources"), "--check", "--root",
                          str(root)], capture_output=True, text=True, check=False)
    complaints = run.stdout.splitlines() + run.stderr.splitlines()
    return complaints or ([] if run.returncode == 0 else [f"update-sources ended with {run.returncode}"])


def main():
    tap = common.Tap()
    tap.result("every file is in its folder's list (contrib/dev/update-sources)", lists_check(common.SOURCE))
    tap.done()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

EXTRA_DIST += contrib

# files: man/*.[158]
dist_man_MANS +=

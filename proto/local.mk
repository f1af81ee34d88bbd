# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# The schema's C: one run of the generator writes both files, the stamp stands for the run.

BUILT_SOURCES += gen/covey/wire.h gen/wire.c
CLEANFILES += gen/covey/wire.h gen/wire.c gen/wire.stamp gen/wire.tmp
EXTRA_DIST += proto

gen/wire.stamp: $(srcdir)/proto/schema $(srcdir)/proto/gen.py
	$(AM_V_GEN)$(MKDIR_P) gen/covey && touch gen/wire.tmp && \
	$(PYTHON) -B $(srcdir)/proto/gen.py --schema $(srcdir)/proto/schema --out gen && mv gen/wire.tmp $@
gen/covey/wire.h gen/wire.c: gen/wire.stamp
	@test -f $@ || { rm -f gen/wire.stamp && $(MAKE) $(AM_MAKEFLAGS) gen/wire.stamp; }

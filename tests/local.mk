# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# `make check`: every test program prints TAP, so that single tests are counted, not programs.

TEST_EXTENSIONS = .py
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
# tests/run has told of the exit status in TAP already.
LOG_DRIVER = $(TAP_DRIVER)
LOG_DRIVER_FLAGS = --merge --ignore-exit
LOG_COMPILER = $(SHELL) $(srcdir)/%D%/run
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_DRIVER_FLAGS = --merge
PY_LOG_COMPILER = $(SHELL) $(srcdir)/%D%/run $(PYTHON) -B
AM_TESTS_ENVIRONMENT = \
	ASAN_OPTIONS=$${ASAN_OPTIONS-abort_on_error=1:detect_leaks=1}; export ASAN_OPTIONS; \
	LSAN_OPTIONS=$${LSAN_OPTIONS-suppressions='$(abs_srcdir)/%D%/lsan.supp':print_suppressions=0}; export LSAN_OPTIONS; \
	UBSAN_OPTIONS=$${UBSAN_OPTIONS-print_stacktrace=1}; export UBSAN_OPTIONS; \
	COVEY_SOURCE='$(abs_top_srcdir)'; export COVEY_SOURCE; \
	COVEY_BUILD='$(abs_top_builddir)'; export COVEY_BUILD; \
	COVEY_BUILD_KIND='$(COVEY_BUILD_KIND)'; export COVEY_BUILD_KIND; \
	NM='$(NM)'; export NM; OBJDUMP='$(OBJDUMP)'; export OBJDUMP; READELF='$(READELF)'; export READELF;

TEST_CPPFLAGS = $(AM_CPPFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"'
UNIT_CPPFLAGS = $(TEST_CPPFLAGS) $(CRITERION_CFLAGS)
UNIT_LIBS = $(PURE_ROOMS) $(CRITERION_LIBS) $(EXT_LIBS)

EXTRA_DIST += %D%/run %D%/unittap.py %D%/lsan.supp
include %D%/unit/local.mk
# Scripts, expected answers and the like.
# files: bench/**/* cluster/**/* sim/**/* tidy/**/* unit/**/* vm/**/* !*.c !*.h !*.mk !*.o !*.log !*.trs !*.py[co] !sim/covey-sim !unit/unit_*
EXTRA_DIST += \
	%D%/cluster/01-leader-killed.test \
	%D%/cluster/02-host-off.test \
	%D%/cluster/03-agent-killed.test \
	%D%/cluster/04-partition.test \
	%D%/cluster/05-all-agents-killed.test \
	%D%/cluster/06-all-off.test \
	%D%/cluster/07-new-address.test \
	%D%/cluster/08-join-leave.test \
	%D%/cluster/09-wrong-secret.test \
	%D%/cluster/10-write-anywhere.test \
	%D%/cluster/11-rolling-update.test \
	%D%/cluster/12-batch.test \
	%D%/cluster/13-logs.test \
	%D%/cluster/14-bad-input.test \
	%D%/cluster/15-bad-tasks.test \
	%D%/cluster/16-damaged-disk.test \
	%D%/cluster/17-full-disk.test \
	%D%/cluster/18-snapshots.test \
	%D%/cluster/harness.py \
	%D%/tidy/allow/base \
	%D%/tidy/allow/codec \
	%D%/tidy/allow/crypto \
	%D%/tidy/allow/jobspec \
	%D%/tidy/allow/node \
	%D%/tidy/allow/placement \
	%D%/tidy/allow/raft \
	%D%/tidy/allow/reconcile \
	%D%/tidy/allow/shim \
	%D%/tidy/allow/state \
	%D%/tidy/allow/swim \
	%D%/tidy/allow/wal \
	%D%/tidy/arrows.py \
	%D%/tidy/binary.py \
	%D%/tidy/common.py \
	%D%/tidy/lists.py \
	%D%/tidy/selftest.py \
	%D%/tidy/text.py \
	%D%/tidy/wire.py \
	%D%/unit/codec/test.schema \
	%D%/unit/codec/test_gen.py \
	%D%/vm/guest.sh \
	%D%/vm/kernel.test

if CRITERION
# The codec's tests have a schema of their own, with every type and small limits.
nodist_%C%_unit_unit_codec_SOURCES = gen/sample.c
$(%C%_unit_unit_codec_OBJECTS): gen/covey/sample.h
CLEANFILES += gen/covey/sample.h gen/sample.c gen/sample.stamp gen/sample.tmp
gen/sample.stamp: $(srcdir)/%D%/unit/codec/test.schema $(srcdir)/proto/gen.py
	$(AM_V_GEN)$(MKDIR_P) gen/covey && touch gen/sample.tmp && \
	$(PYTHON) -B $(srcdir)/proto/gen.py --schema $(srcdir)/%D%/unit/codec/test.schema --name sample \
		--out gen && mv gen/sample.tmp $@
gen/covey/sample.h gen/sample.c: gen/sample.stamp
	@test -f $@ || { rm -f gen/sample.stamp && $(MAKE) $(AM_MAKEFLAGS) gen/sample.stamp; }
endif
TESTS += %D%/unit/codec/test_gen.py

# Whole clusters in one process: some seeds here, more of them by contrib/check.
TESTS += %D%/sim/covey-sim
check_PROGRAMS += %D%/sim/covey-sim
# files: sim/*.c sim/*.h
%C%_sim_covey_sim_SOURCES = \
	%D%/sim/checker.h \
	%D%/sim/checkers.c \
	%D%/sim/disk.c \
	%D%/sim/main.c \
	%D%/sim/network.c \
	%D%/sim/operator.c \
	%D%/sim/story.c \
	%D%/sim/tasks.c \
	%D%/sim/world.c \
	%D%/sim/world.h
%C%_sim_covey_sim_LDADD = $(PURE_ROOMS) $(EXT_LIBS)

# Without libFuzzer a fuzz target becomes a program that replays its corpus and mutations of it.
FUZZ_LIBS = $(PURE_ROOMS) $(EXT_LIBS)
if !FUZZ
check_LIBRARIES = %D%/fuzz/libreplay.a
%C%_fuzz_libreplay_a_SOURCES = %D%/fuzz/replay.c
%C%_fuzz_libreplay_a_CPPFLAGS = $(TEST_CPPFLAGS)
FUZZ_LIBS += %D%/fuzz/libreplay.a
endif
EXTRA_DIST += %D%/fuzz/corpus %D%/trace
include %D%/fuzz/local.mk
if !FUZZ
TESTS += $(FUZZ_TARGETS)
endif
.PHONY: fuzz-targets
fuzz-targets: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) $(FUZZ_TARGETS)

# Measurements: `make bench-programs`; contrib/bench runs them.
EXTRA_PROGRAMS =
include %D%/bench/local.mk
CLEANFILES += $(BENCHES)
.PHONY: bench-programs
bench-programs: all
	$(MAKE) $(AM_MAKEFLAGS) $(BENCHES)

# The tests of the tree itself.
TESTS += \
	%D%/tidy/arrows.py \
	%D%/tidy/binary.py \
	%D%/tidy/lists.py \
	%D%/tidy/selftest.py \
	%D%/tidy/text.py \
	%D%/tidy/wire.py

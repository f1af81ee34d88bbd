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

EXTRA_DIST += %D%/run %D%/unittap.py %D%/lsan.supp %D%/fuzz/node_peer.h %D%/fuzz/node_run.h %D%/fuzz/script.h %D%/fuzz/twin.h
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
	%D%/cluster/19-reads-and-voters.test \
	%D%/cluster/20-backup.test \
	%D%/cluster/21-history.test \
	%D%/cluster/22-nodes-view.test \
	%D%/cluster/23-drain.test \
	%D%/cluster/24-away.test \
	%D%/cluster/25-forget.test \
	%D%/cluster/26-log-tools.test \
	%D%/cluster/27-facts.test \
	%D%/cluster/28-stalled-disk.test \
	%D%/cluster/29-seed-names.test \
	%D%/cluster/30-ipv6.test \
	%D%/cluster/harness.py \
	%D%/cluster/history.py \
	%D%/sim/mutants/checkpoint-not-verified.mutant \
	%D%/sim/mutants/checkpoint-signer-any-member.mutant \
	%D%/sim/mutants/gossip-difference-ignored.mutant \
	%D%/sim/mutants/gossip-gap-not-seen.mutant \
	%D%/sim/mutants/gossip-older-taken.mutant \
	%D%/sim/mutants/gossip-removal-not-told.mutant \
	%D%/sim/mutants/gossip-restart-is-older.mutant \
	%D%/sim/mutants/learner-applies-before-checkpoint.mutant \
	%D%/sim/mutants/node-ack-before-commit.mutant \
	%D%/sim/mutants/node-ack-other-term.mutant \
	%D%/sim/mutants/node-away-for-ever.mutant \
	%D%/sim/mutants/node-end-not-journalled.mutant \
	%D%/sim/mutants/node-fact-told-by-number.mutant \
	%D%/sim/mutants/node-install-before-durable.mutant \
	%D%/sim/mutants/node-leaves-with-vote.mutant \
	%D%/sim/mutants/node-log-with-a-gap.mutant \
	%D%/sim/mutants/node-lost-shim-believed.mutant \
	%D%/sim/mutants/node-never-starts-alone.mutant \
	%D%/sim/mutants/node-old-life-believed.mutant \
	%D%/sim/mutants/node-ports-not-looked-at.mutant \
	%D%/sim/mutants/node-raft-id-of-host.mutant \
	%D%/sim/mutants/node-raft-id-reused.mutant \
	%D%/sim/mutants/node-refused-while-it-runs.mutant \
	%D%/sim/mutants/node-report-not-repeated.mutant \
	%D%/sim/mutants/node-request-id-per-send.mutant \
	%D%/sim/mutants/node-restart-restarts-tasks.mutant \
	%D%/sim/mutants/node-snapshot-newest-config.mutant \
	%D%/sim/mutants/node-starts-without-inventory.mutant \
	%D%/sim/mutants/node-stop-wrong-instance.mutant \
	%D%/sim/mutants/node-unknown-instance-killed.mutant \
	%D%/sim/mutants/node-write-forgotten.mutant \
	%D%/sim/mutants/raft-aba.mutant \
	%D%/sim/mutants/raft-ack-before-sync.mutant \
	%D%/sim/mutants/raft-commit-goes-back.mutant \
	%D%/sim/mutants/raft-commit-old-term.mutant \
	%D%/sim/mutants/raft-commit-past-match.mutant \
	%D%/sim/mutants/raft-config-stays-after-cut.mutant \
	%D%/sim/mutants/raft-cut-on-match.mutant \
	%D%/sim/mutants/raft-joint-new-half.mutant \
	%D%/sim/mutants/raft-joint-old-half.mutant \
	%D%/sim/mutants/raft-leader-counts-memory.mutant \
	%D%/sim/mutants/raft-learner-counted.mutant \
	%D%/sim/mutants/raft-no-check-quorum.mutant \
	%D%/sim/mutants/raft-no-noop.mutant \
	%D%/sim/mutants/raft-no-pre-vote.mutant \
	%D%/sim/mutants/raft-pre-vote-moves-term.mutant \
	%D%/sim/mutants/raft-prev-term-unchecked.mutant \
	%D%/sim/mutants/raft-ready-too-early.mutant \
	%D%/sim/mutants/raft-snapshot-older-taken.mutant \
	%D%/sim/mutants/raft-vote-before-sync.mutant \
	%D%/sim/mutants/raft-vote-by-length.mutant \
	%D%/sim/mutants/raft-vote-forgotten.mutant \
	%D%/sim/mutants/raft-vote-not-persisted.mutant \
	%D%/sim/mutants/reconcile-away-replaced.mutant \
	%D%/sim/mutants/reconcile-batch-again.mutant \
	%D%/sim/mutants/reconcile-drain-all-at-once.mutant \
	%D%/sim/mutants/reconcile-keeps-the-newer.mutant \
	%D%/sim/mutants/reconcile-keeps-the-stranger.mutant \
	%D%/sim/mutants/reconcile-replaces-at-once.mutant \
	%D%/sim/mutants/reconcile-stopping-is-running.mutant \
	%D%/sim/mutants/reconcile-stops-all.mutant \
	%D%/sim/mutants/reconcile-surplus-at-once.mutant \
	%D%/sim/mutants/reconcile-surplus-before-keeper.mutant \
	%D%/sim/mutants/reconcile-update-all-at-once.mutant \
	%D%/sim/mutants/reconcile-update-does-not-wait.mutant \
	%D%/sim/mutants/shim-never-kills.mutant \
	%D%/sim/mutants/shim-restarts-after-stop.mutant \
	%D%/sim/mutants/shim-restarts-at-once.mutant \
	%D%/sim/mutants/shim-stop-while-starting-lost.mutant \
	%D%/sim/mutants/state-cas-unchecked.mutant \
	%D%/sim/mutants/state-drain-not-refused.mutant \
	%D%/sim/mutants/state-hash-not-compared.mutant \
	%D%/sim/mutants/state-map-order.mutant \
	%D%/sim/mutants/state-place-old-run.mutant \
	%D%/sim/mutants/state-requests-not-in-snapshot.mutant \
	%D%/sim/mutants/state-slot-placed-twice.mutant \
	%D%/sim/mutants/state-stop-lost-at-snapshot.mutant \
	%D%/sim/mutants/state-stop-of-the-slot.mutant \
	%D%/sim/mutants/state-stop-unconditional.mutant \
	%D%/sim/mutants/state-unreachable-means-stop.mutant \
	%D%/sim/mutants/swim-accuser-unknown-doubted.mutant \
	%D%/sim/mutants/swim-card-of-last-run-kept.mutant \
	%D%/sim/mutants/swim-dead-not-contacted.mutant \
	%D%/sim/mutants/swim-digest-bucket-skipped.mutant \
	%D%/sim/mutants/swim-generation-not-kept.mutant \
	%D%/sim/mutants/swim-generation-not-raised.mutant \
	%D%/sim/mutants/swim-merge-believes-dead.mutant \
	%D%/sim/mutants/swim-refute-without-raise.mutant \
	%D%/sim/mutants/swim-stale-accusation-counts.mutant \
	%D%/sim/mutants/swim-stall-blames-others.mutant \
	%D%/sim/mutants/swim-suspect-never-dies.mutant \
	%D%/sim/mutants/swim-verdict-at-once.mutant \
	%D%/sim/mutants/swim-window-of-last-run-kept.mutant \
	%D%/sim/mutants/wal-compacts-too-much.mutant \
	%D%/sim/mutants/wal-rot-is-a-tear.mutant \
	%D%/sim/mutants/wal-sync-before-write.mutant \
	%D%/sim/mutants/wal-tear-is-rot.mutant \
	%D%/sim/mutants/wal-vote-claims-too-much.mutant \
	%D%/sim/mutants/wal-writes-over-tear.mutant \
	%D%/sim/scenarios/absence-announced.txt \
	%D%/sim/scenarios/agent-killed.txt \
	%D%/sim/scenarios/all-power-off.txt \
	%D%/sim/scenarios/change-undone.txt \
	%D%/sim/scenarios/crashed-and-dark.txt \
	%D%/sim/scenarios/disk-damaged.txt \
	%D%/sim/scenarios/figure-8.txt \
	%D%/sim/scenarios/halves-merge.txt \
	%D%/sim/scenarios/host-drained.txt \
	%D%/sim/scenarios/host-forgotten.txt \
	%D%/sim/scenarios/host-lost-and-back.txt \
	%D%/sim/scenarios/hosts-without.txt \
	%D%/sim/scenarios/ill-task.txt \
	%D%/sim/scenarios/late-joiner.txt \
	%D%/sim/scenarios/leader-disk-fails.txt \
	%D%/sim/scenarios/leader-disk-slow.txt \
	%D%/sim/scenarios/leader-leaves.txt \
	%D%/sim/scenarios/leave-in-vain.txt \
	%D%/sim/scenarios/leave-interrupted.txt \
	%D%/sim/scenarios/no-room.txt \
	%D%/sim/scenarios/one-way-cut.txt \
	%D%/sim/scenarios/only-host.txt \
	%D%/sim/scenarios/restored-backup.txt \
	%D%/sim/scenarios/shutdown-leader.txt \
	%D%/sim/scenarios/some-links-cut.txt \
	%D%/sim/scenarios/stalled-host.txt \
	%D%/sim/scenarios/too-many-writes.txt \
	%D%/sim/scenarios/two-and-one.txt \
	%D%/sim/scenarios/update-while-lost.txt \
	%D%/sim/scenarios/vote-moves-zone.txt \
	%D%/sim/scenarios/voter-lost.txt \
	%D%/tidy/allow/base \
	%D%/tidy/allow/codec \
	%D%/tidy/allow/crypto \
	%D%/tidy/allow/gossip \
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
	%D%/tidy/mutants.py \
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
	%D%/sim/alone.c \
	%D%/sim/alone.h \
	%D%/sim/alone_choices.c \
	%D%/sim/alone_commands.c \
	%D%/sim/alone_disk.c \
	%D%/sim/alone_node.c \
	%D%/sim/alone_raft.c \
	%D%/sim/alone_shim.c \
	%D%/sim/alone_state.c \
	%D%/sim/alone_swim.c \
	%D%/sim/alone_wal.c \
	%D%/sim/atlas.c \
	%D%/sim/calls.c \
	%D%/sim/calls.h \
	%D%/sim/check_acked.c \
	%D%/sim/check_answered.c \
	%D%/sim/check_away.c \
	%D%/sim/check_capacity.c \
	%D%/sim/check_committed.c \
	%D%/sim/check_config.c \
	%D%/sim/check_desired.c \
	%D%/sim/check_drain.c \
	%D%/sim/check_election.c \
	%D%/sim/check_ends.c \
	%D%/sim/check_facts.c \
	%D%/sim/check_false_death.c \
	%D%/sim/check_follow.c \
	%D%/sim/check_gossip_facts.c \
	%D%/sim/check_heal.c \
	%D%/sim/check_in_force.c \
	%D%/sim/check_keeper.c \
	%D%/sim/check_kept.c \
	%D%/sim/check_leader.c \
	%D%/sim/check_linear.c \
	%D%/sim/check_matching.c \
	%D%/sim/check_matching.h \
	%D%/sim/check_monotone.c \
	%D%/sim/check_notice.c \
	%D%/sim/check_own_term.c \
	%D%/sim/check_placement.c \
	%D%/sim/check_prevote.c \
	%D%/sim/check_proven.c \
	%D%/sim/check_quorum.c \
	%D%/sim/check_reads.c \
	%D%/sim/check_replace.c \
	%D%/sim/check_resign.c \
	%D%/sim/check_restart.c \
	%D%/sim/check_resurrection.c \
	%D%/sim/check_settled.c \
	%D%/sim/check_single.c \
	%D%/sim/check_slot.c \
	%D%/sim/check_snapshot.c \
	%D%/sim/check_starts.c \
	%D%/sim/check_state.c \
	%D%/sim/check_stops.c \
	%D%/sim/check_told.c \
	%D%/sim/check_update.c \
	%D%/sim/check_votes.c \
	%D%/sim/checker.h \
	%D%/sim/checkers.c \
	%D%/sim/client.c \
	%D%/sim/clock.c \
	%D%/sim/crowd.c \
	%D%/sim/crowd.h \
	%D%/sim/disk.c \
	%D%/sim/disk.h \
	%D%/sim/disk_fault.c \
	%D%/sim/disk_work.c \
	%D%/sim/durable.c \
	%D%/sim/durable.h \
	%D%/sim/faults.c \
	%D%/sim/faults.h \
	%D%/sim/faults_network.c \
	%D%/sim/faults_network.h \
	%D%/sim/history.c \
	%D%/sim/history.h \
	%D%/sim/hostile.c \
	%D%/sim/hostile.h \
	%D%/sim/hosts.c \
	%D%/sim/isolate.c \
	%D%/sim/isolate.h \
	%D%/sim/judge.c \
	%D%/sim/judge.h \
	%D%/sim/ledger.c \
	%D%/sim/ledger.h \
	%D%/sim/lies.c \
	%D%/sim/lies.h \
	%D%/sim/linear.c \
	%D%/sim/linear.h \
	%D%/sim/links.c \
	%D%/sim/links.h \
	%D%/sim/logs.c \
	%D%/sim/main.c \
	%D%/sim/mistakes.c \
	%D%/sim/mistakes.h \
	%D%/sim/network.c \
	%D%/sim/operator.c \
	%D%/sim/parameters.c \
	%D%/sim/plans.c \
	%D%/sim/plans.h \
	%D%/sim/play.c \
	%D%/sim/play.h \
	%D%/sim/play_act.c \
	%D%/sim/play_ask.c \
	%D%/sim/play_conditions.c \
	%D%/sim/play_show.c \
	%D%/sim/play_watch.c \
	%D%/sim/process.c \
	%D%/sim/processes.c \
	%D%/sim/processes.h \
	%D%/sim/run.c \
	%D%/sim/run.h \
	%D%/sim/runner.c \
	%D%/sim/runner.h \
	%D%/sim/runner_state.c \
	%D%/sim/scenario.c \
	%D%/sim/scenario.h \
	%D%/sim/shrink.c \
	%D%/sim/shrink.h \
	%D%/sim/signatures.c \
	%D%/sim/story.c \
	%D%/sim/streams.c \
	%D%/sim/swarm.c \
	%D%/sim/swarm.h \
	%D%/sim/tasks.c \
	%D%/sim/truth.h \
	%D%/sim/views.c \
	%D%/sim/views.h \
	%D%/sim/visit_job.c \
	%D%/sim/visitors.c \
	%D%/sim/visits.c \
	%D%/sim/visits.h \
	%D%/sim/world.c \
	%D%/sim/world.h
%C%_sim_covey_sim_LDADD = $(PURE_ROOMS) $(EXT_LIBS)
%C%_sim_covey_sim_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=crypto_sign_verify_detached

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
	%D%/tidy/mutants.py \
	%D%/tidy/selftest.py \
	%D%/tidy/text.py \
	%D%/tidy/wire.py

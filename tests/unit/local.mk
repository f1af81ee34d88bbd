# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# Written by contrib/dev/update-sources.

if CRITERION

check_PROGRAMS += %D%/unit_admin
%C%_unit_admin_SOURCES = \
	%D%/admin/hostile.c \
	%D%/admin/requests.c \
	%D%/admin/rig.c \
	%D%/admin/rig.h
%C%_unit_admin_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_admin_LDADD = src/admin/libadmin.a $(UNIT_LIBS)
TESTS += %D%/unit_admin

check_PROGRAMS += %D%/unit_base
%C%_unit_base_SOURCES = \
	%D%/base/arena.c \
	%D%/base/buf.c \
	%D%/base/digest.c \
	%D%/base/map.c \
	%D%/base/numbers.c \
	%D%/base/text.c
%C%_unit_base_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_base_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_base

check_PROGRAMS += %D%/unit_cli
%C%_unit_cli_SOURCES = \
	%D%/cli/args.c \
	%D%/cli/log.c \
	%D%/cli/nodes.c \
	%D%/cli/text.c \
	%D%/cli/views.c \
	%D%/cli/watch.c \
	%D%/cli/world.h
%C%_unit_cli_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_cli_LDADD = src/cli/libcli.a src/client/libclient.a $(UNIT_LIBS)
TESTS += %D%/unit_cli

check_PROGRAMS += %D%/unit_client
%C%_unit_client_SOURCES = \
	%D%/client/calls.c \
	%D%/client/fake.c \
	%D%/client/fake.h \
	%D%/client/streams.c
%C%_unit_client_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_client_LDADD = src/client/libclient.a $(UNIT_LIBS)
TESTS += %D%/unit_client

check_PROGRAMS += %D%/unit_codec
%C%_unit_codec_SOURCES = \
	%D%/codec/json.c \
	%D%/codec/raw.c \
	%D%/codec/refuse.c \
	%D%/codec/round_trip.c \
	%D%/codec/vectors.c
%C%_unit_codec_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_codec_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_codec

check_PROGRAMS += %D%/unit_crypto
%C%_unit_crypto_SOURCES = \
	%D%/crypto/helpers.c \
	%D%/crypto/helpers.h \
	%D%/crypto/session_pair.c \
	%D%/crypto/session_pair.h \
	%D%/crypto/test_envelope.c \
	%D%/crypto/test_identity.c \
	%D%/crypto/test_noise.c \
	%D%/crypto/test_noise_vectors.c \
	%D%/crypto/test_replay.c \
	%D%/crypto/test_secret.c \
	%D%/crypto/test_session.c \
	%D%/crypto/test_session_refusals.c
%C%_unit_crypto_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_crypto_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_crypto

check_PROGRAMS += %D%/unit_daemon
%C%_unit_daemon_SOURCES = \
	%D%/daemon/drive.c \
	%D%/daemon/host.c \
	%D%/daemon/say.c
%C%_unit_daemon_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_daemon_LDADD = $(SHELL_ROOMS) $(UNIT_LIBS)
TESTS += %D%/unit_daemon

check_PROGRAMS += %D%/unit_gossip
%C%_unit_gossip_SOURCES = \
	%D%/gossip/harness.c \
	%D%/gossip/harness.h \
	%D%/gossip/test_owners.c \
	%D%/gossip/test_scale.c \
	%D%/gossip/test_spread.c
%C%_unit_gossip_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_gossip_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_gossip

check_PROGRAMS += %D%/unit_jobspec
%C%_unit_jobspec_SOURCES = \
	%D%/jobspec/config.c \
	%D%/jobspec/dump.c \
	%D%/jobspec/dump.h \
	%D%/jobspec/environment.c \
	%D%/jobspec/golden.c \
	%D%/jobspec/hcl_grammar.c \
	%D%/jobspec/hcl_mistakes.c \
	%D%/jobspec/job.c \
	%D%/jobspec/mutations.c
%C%_unit_jobspec_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_jobspec_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_jobspec

check_PROGRAMS += %D%/unit_net
%C%_unit_net_SOURCES = \
	%D%/net/other.c \
	%D%/net/rig.c \
	%D%/net/rig.h \
	%D%/net/streams.c
%C%_unit_net_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_net_LDADD = src/net/libnet.a $(UNIT_LIBS)
TESTS += %D%/unit_net

check_PROGRAMS += %D%/unit_node
%C%_unit_node_SOURCES = \
	%D%/node/checkpoint.c \
	%D%/node/copies.c \
	%D%/node/counters.c \
	%D%/node/disk.h \
	%D%/node/facts.c \
	%D%/node/failover.c \
	%D%/node/fetch.c \
	%D%/node/handovers.c \
	%D%/node/hosts.c \
	%D%/node/join.c \
	%D%/node/learner_pick.c \
	%D%/node/leave.c \
	%D%/node/node.c \
	%D%/node/proven.c \
	%D%/node/reads.c \
	%D%/node/reseed.c \
	%D%/node/rig.c \
	%D%/node/rig.h \
	%D%/node/tasks.c \
	%D%/node/together.c \
	%D%/node/town.c \
	%D%/node/town.h \
	%D%/node/voters.c
%C%_unit_node_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_node_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_node

check_PROGRAMS += %D%/unit_placement
%C%_unit_placement_SOURCES = \
	%D%/placement/pick.c
%C%_unit_placement_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_placement_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_placement

check_PROGRAMS += %D%/unit_proc
%C%_unit_proc_SOURCES = \
	%D%/proc/rig.c \
	%D%/proc/rig.h \
	%D%/proc/test_adopt.c \
	%D%/proc/test_host.c \
	%D%/proc/test_logs.c \
	%D%/proc/test_run.c \
	%D%/proc/test_stop.c
%C%_unit_proc_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_proc_LDADD = src/proc/libproc.a $(UNIT_LIBS)
TESTS += %D%/unit_proc

check_PROGRAMS += %D%/unit_raft
%C%_unit_raft_SOURCES = \
	%D%/raft/append.c \
	%D%/raft/checker.c \
	%D%/raft/config.c \
	%D%/raft/disk.c \
	%D%/raft/disks.c \
	%D%/raft/election.c \
	%D%/raft/harness.c \
	%D%/raft/harness.h \
	%D%/raft/learner.c \
	%D%/raft/random.c \
	%D%/raft/read.c \
	%D%/raft/snapshot.c \
	%D%/raft/transfer.c
%C%_unit_raft_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_raft_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_raft

check_PROGRAMS += %D%/unit_reconcile
%C%_unit_reconcile_SOURCES = \
	%D%/reconcile/cluster.c \
	%D%/reconcile/ends.c \
	%D%/reconcile/hosts.c \
	%D%/reconcile/node.c \
	%D%/reconcile/random.c \
	%D%/reconcile/rig.c \
	%D%/reconcile/rig.h
%C%_unit_reconcile_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_reconcile_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_reconcile

check_PROGRAMS += %D%/unit_shim
%C%_unit_shim_SOURCES = \
	%D%/shim/rig.c \
	%D%/shim/rig.h \
	%D%/shim/test_policy.c \
	%D%/shim/test_stop.c \
	%D%/shim/test_table.c
%C%_unit_shim_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_shim_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_shim

check_PROGRAMS += %D%/unit_sim
%C%_unit_sim_SOURCES = \
	%D%/sim/linear.c \
	%D%/sim/plans.c
%C%_unit_sim_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_sim_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_sim

check_PROGRAMS += %D%/unit_state
%C%_unit_state_SOURCES = \
	%D%/state/check.c \
	%D%/state/commands.c \
	%D%/state/format.c \
	%D%/state/hosts.c \
	%D%/state/instances.c \
	%D%/state/random.h \
	%D%/state/snapshot.c \
	%D%/state/world.h
%C%_unit_state_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_state_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_state

check_PROGRAMS += %D%/unit_store
%C%_unit_store_SOURCES = \
	%D%/store/rig.c \
	%D%/store/rig.h \
	%D%/store/store.c \
	%D%/store/turn.c
%C%_unit_store_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_store_LDADD = src/store/libstore.a $(UNIT_LIBS)
TESTS += %D%/unit_store

check_PROGRAMS += %D%/unit_swim
%C%_unit_swim_SOURCES = \
	%D%/swim/harness.c \
	%D%/swim/harness.h \
	%D%/swim/harness_core.c \
	%D%/swim/test_cluster.c \
	%D%/swim/test_contacts.c \
	%D%/swim/test_formula.c \
	%D%/swim/test_healing.c \
	%D%/swim/test_packets.c \
	%D%/swim/test_pitfalls.c \
	%D%/swim/test_probe.c \
	%D%/swim/test_signed.c \
	%D%/swim/test_tables.c \
	%D%/swim/test_transitions.c
%C%_unit_swim_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_swim_LDADD = $(UNIT_LIBS)
TESTS += %D%/unit_swim

check_PROGRAMS += %D%/unit_wal
%C%_unit_wal_SOURCES = \
	%D%/wal/crash.c \
	%D%/wal/faults.c \
	%D%/wal/journal.c \
	%D%/wal/rig.c \
	%D%/wal/rig.h \
	%D%/wal/rot.c \
	%D%/wal/snapshot.c \
	%D%/wal/writer.c
%C%_unit_wal_CPPFLAGS = $(UNIT_CPPFLAGS)
%C%_unit_wal_LDADD = src/store/libstore.a $(UNIT_LIBS)
TESTS += %D%/unit_wal

endif

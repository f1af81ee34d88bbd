# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libnode.a
# files: *.c *.h
%C%_libnode_a_SOURCES = \
	%D%/apply.c \
	%D%/away.c \
	%D%/backup.c \
	%D%/boot.c \
	%D%/checkpoint.c \
	%D%/counters.c \
	%D%/disk.c \
	%D%/disk.h \
	%D%/effects.c \
	%D%/facts.c \
	%D%/facts_counters.c \
	%D%/format.c \
	%D%/gossip.c \
	%D%/handovers.c \
	%D%/hosts.h \
	%D%/internal.h \
	%D%/join.c \
	%D%/leader.c \
	%D%/learner.c \
	%D%/learner_pick.c \
	%D%/learner_serve.c \
	%D%/leave.c \
	%D%/log.c \
	%D%/matrix.c \
	%D%/node.c \
	%D%/nodes_view.c \
	%D%/op_hosts.c \
	%D%/op_streams.c \
	%D%/peers.c \
	%D%/proofs.c \
	%D%/proofs.h \
	%D%/read_index.c \
	%D%/reads.c \
	%D%/reasons.c \
	%D%/report.c \
	%D%/requests.h \
	%D%/stage.c \
	%D%/start.c \
	%D%/state_check.c \
	%D%/state_copy.c \
	%D%/tasks.c \
	%D%/voters.c \
	%D%/voters_pick.c \
	%D%/voters_view.c \
	%D%/watch.c \
	%D%/writes.c

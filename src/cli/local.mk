# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libcli.a
# files: *.c *.h
%C%_libcli_a_SOURCES = \
	%D%/agent.c \
	%D%/args.c \
	%D%/backup.c \
	%D%/cli.c \
	%D%/counters.c \
	%D%/drain.c \
	%D%/events.c \
	%D%/help.c \
	%D%/internal.h \
	%D%/leave.c \
	%D%/log.h \
	%D%/log_dump.c \
	%D%/log_judge.c \
	%D%/log_read.c \
	%D%/log_verb.c \
	%D%/log_verify.c \
	%D%/logs.c \
	%D%/nodes.c \
	%D%/ps.c \
	%D%/run.c \
	%D%/status.c \
	%D%/stop.c \
	%D%/table.c \
	%D%/text.c \
	%D%/token.c \
	%D%/validate.c \
	%D%/var.c \
	%D%/var_watch.c \
	%D%/version.c \
	%D%/view_cluster.c \
	%D%/view_instance.c \
	%D%/view_nodes.c \
	%D%/view_other.c \
	%D%/voters.c \
	%D%/wait.c \
	%D%/wait.h \
	%D%/watch.c

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# Written by contrib/dev/update-sources.


EXTRA_PROGRAMS += %D%/bench_elections
%C%_bench_elections_SOURCES = \
	%D%/bench_elections.c
%C%_bench_elections_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

EXTRA_PROGRAMS += %D%/bench_learners
%C%_bench_learners_SOURCES = \
	%D%/bench_learners.c
%C%_bench_learners_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

EXTRA_PROGRAMS += %D%/bench_log_client
%C%_bench_log_client_SOURCES = \
	%D%/bench_log_client.c
%C%_bench_log_client_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

EXTRA_PROGRAMS += %D%/bench_spawn
%C%_bench_spawn_SOURCES = \
	%D%/bench_spawn.c
%C%_bench_spawn_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

EXTRA_PROGRAMS += %D%/bench_swim
%C%_bench_swim_SOURCES = \
	%D%/bench_swim.c \
	%D%/swim_bench.h \
	%D%/swim_kill.c \
	%D%/swim_lifeguard.c \
	%D%/swim_paper.c \
	%D%/swim_scale.c \
	%D%/swim_world.c \
	%D%/swim_world.h
%C%_bench_swim_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

EXTRA_PROGRAMS += %D%/bench_wal
%C%_bench_wal_SOURCES = \
	%D%/bench_wal.c
%C%_bench_wal_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) -lm

BENCHES = \
	%D%/bench_elections \
	%D%/bench_learners \
	%D%/bench_log_client \
	%D%/bench_spawn \
	%D%/bench_swim \
	%D%/bench_wal

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libraft.a
# files: *.c *.h
%C%_libraft_a_SOURCES = \
	%D%/append.c \
	%D%/config.c \
	%D%/effect.c \
	%D%/election.c \
	%D%/fresh.c \
	%D%/internal.h \
	%D%/log.c \
	%D%/persist.c \
	%D%/progress.c \
	%D%/pull.c \
	%D%/raft.c \
	%D%/read.c \
	%D%/snapshot.c \
	%D%/transfer.c

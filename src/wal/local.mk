# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libwal.a
# files: *.c *.h
%C%_libwal_a_SOURCES = \
	%D%/journal.c \
	%D%/judge.c \
	%D%/judge.h \
	%D%/name.c \
	%D%/name.h \
	%D%/queue.c \
	%D%/queue.h \
	%D%/recover.c \
	%D%/sealed.c \
	%D%/sealed.h \
	%D%/sector.c \
	%D%/sector.h \
	%D%/segment.c \
	%D%/segment.h \
	%D%/snapshot.c \
	%D%/view.c \
	%D%/vote.c \
	%D%/vote.h \
	%D%/wal.c

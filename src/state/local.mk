# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libstate.a
# files: *.c *.h
%C%_libstate_a_SOURCES = \
	%D%/apply.c \
	%D%/check.c \
	%D%/copy.c \
	%D%/format.c \
	%D%/internal.h \
	%D%/load.c \
	%D%/snapshot.c \
	%D%/state.c \
	%D%/table.c

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libswim.a
# files: *.c *.h
%C%_libswim_a_SOURCES = \
	%D%/belief.c \
	%D%/formula.c \
	%D%/formula.h \
	%D%/internal.h \
	%D%/probe.c \
	%D%/rumour.c \
	%D%/swim.c \
	%D%/sync.c \
	%D%/table.c

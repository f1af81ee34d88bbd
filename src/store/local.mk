# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libstore.a
# files: *.c *.h
%C%_libstore_a_SOURCES = \
	%D%/calls.c \
	%D%/flush.c \
	%D%/internal.h \
	%D%/open.c \
	%D%/store.c \
	%D%/turn.c

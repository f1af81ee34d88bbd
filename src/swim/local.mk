# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libswim.a
# files: *.c *.h
%C%_libswim_a_SOURCES = \
	%D%/accuser.c \
	%D%/belief.c \
	%D%/card.c \
	%D%/contact.c \
	%D%/digest.c \
	%D%/formula.c \
	%D%/formula.h \
	%D%/internal.h \
	%D%/look.c \
	%D%/names.c \
	%D%/probe.c \
	%D%/relay.c \
	%D%/ring.c \
	%D%/rumour.c \
	%D%/self.c \
	%D%/swim.c \
	%D%/sync.c \
	%D%/table.c \
	%D%/timer.c \
	%D%/view.c

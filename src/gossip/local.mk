# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libgossip.a
# files: *.c *.h
%C%_libgossip_a_SOURCES = \
	%D%/gossip.c \
	%D%/head.c \
	%D%/internal.h \
	%D%/news.c \
	%D%/own.c \
	%D%/owner.c \
	%D%/packet.c \
	%D%/sync.c

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libclient.a
# files: *.c *.h
%C%_libclient_a_SOURCES = \
	%D%/client.c \
	%D%/internal.h \
	%D%/stream.c \
	%D%/wire.c

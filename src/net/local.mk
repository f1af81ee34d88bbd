# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libnet.a
# files: *.c *.h
%C%_libnet_a_SOURCES = \
	%D%/conn.c \
	%D%/internal.h \
	%D%/net.c \
	%D%/resolve.c \
	%D%/socket.c \
	%D%/udp.c

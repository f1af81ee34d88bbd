# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libadmin.a
# files: *.c *.h
%C%_libadmin_a_SOURCES = \
	%D%/access.c \
	%D%/admin.c \
	%D%/client.c \
	%D%/internal.h \
	%D%/listen.c \
	%D%/request.c

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libreconcile.a
# files: *.c *.h
%C%_libreconcile_a_SOURCES = \
	%D%/cluster.c \
	%D%/node.c

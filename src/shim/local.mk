# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libshim.a
# files: *.c *.h
%C%_libshim_a_SOURCES = \
	%D%/core.h \
	%D%/policy.c \
	%D%/shim.c

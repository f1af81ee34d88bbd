# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libplacement.a
# files: *.c *.h
%C%_libplacement_a_SOURCES = \
	%D%/placement.c

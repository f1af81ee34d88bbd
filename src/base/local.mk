# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libbase.a
# files: *.c *.h
%C%_libbase_a_SOURCES = \
	%D%/addr.c \
	%D%/arena.c \
	%D%/buf.c \
	%D%/crc32c.c \
	%D%/crc32c.h \
	%D%/digest.c \
	%D%/err.c \
	%D%/hex.c \
	%D%/map.c \
	%D%/mark.c \
	%D%/mem.c \
	%D%/prng.c \
	%D%/text.c

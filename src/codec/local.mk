# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libcodec.a
# files: *.c *.h
%C%_libcodec_a_SOURCES = \
	%D%/decode.c \
	%D%/encode.c \
	%D%/internal.h \
	%D%/json.c \
	%D%/leaf.c \
	%D%/random.c \
	%D%/rpc.c \
	%D%/scan.c \
	%D%/value.c \
	%D%/walk.c
nodist_%C%_libcodec_a_SOURCES = gen/wire.c

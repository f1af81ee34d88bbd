# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libcrypto.a
# files: *.c *.h
%C%_libcrypto_a_SOURCES = \
	%D%/csprng.c \
	%D%/envelope.c \
	%D%/hash.c \
	%D%/hash.h \
	%D%/identity.c \
	%D%/keyring.c \
	%D%/noise.c \
	%D%/noise_cipher.c \
	%D%/noise_pattern.c \
	%D%/noise_pattern.h \
	%D%/replay.c \
	%D%/secret.c \
	%D%/session.c \
	%D%/session.h \
	%D%/session_output.c

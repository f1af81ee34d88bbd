# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libstore.a
# files: *.c *.h
%C%_libstore_a_SOURCES =

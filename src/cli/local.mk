# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libcli.a
# files: *.c *.h
%C%_libcli_a_SOURCES =

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libproc.a
# files: *.c *.h
%C%_libproc_a_SOURCES = \
	%D%/agent.c \
	%D%/agent.h \
	%D%/cgroup.c \
	%D%/common.c \
	%D%/common.h \
	%D%/features.c \
	%D%/frame.c \
	%D%/host.c \
	%D%/host.h \
	%D%/host_agent.c \
	%D%/logs.c \
	%D%/output.c \
	%D%/port.c \
	%D%/remove.c \
	%D%/scan.c \
	%D%/shim_main.c \
	%D%/spawn.c \
	%D%/start.c \
	%D%/task.c \
	%D%/user.c

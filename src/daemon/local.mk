# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libdaemon.a
# files: *.c *.h !main.c
%C%_libdaemon_a_SOURCES = \
	%D%/config.c \
	%D%/config.h \
	%D%/daemon.c \
	%D%/daemon.h \
	%D%/drive.c \
	%D%/drive.h \
	%D%/effects.c \
	%D%/host.c \
	%D%/host.h \
	%D%/links.c \
	%D%/say.c \
	%D%/say.h

# The one binary: the agent, the shim and the command line. The rooms stand in the order in which they use
# one another.
bin_PROGRAMS += covey
covey_SOURCES = %D%/main.c
covey_LDFLAGS = $(AM_LDFLAGS) $(COVEY_LDFLAGS)
covey_LDADD = $(SHELL_ROOMS) $(PURE_ROOMS) $(EXT_LIBS) src/net/libnet.a

SHELL_ROOMS = \
	src/daemon/libdaemon.a \
	src/cli/libcli.a \
	src/admin/libadmin.a \
	src/client/libclient.a \
	src/net/libnet.a \
	src/proc/libproc.a \
	src/store/libstore.a
PURE_ROOMS = \
	src/node/libnode.a \
	src/shim/libshim.a \
	src/jobspec/libjobspec.a \
	src/reconcile/libreconcile.a \
	src/placement/libplacement.a \
	src/state/libstate.a \
	src/raft/libraft.a \
	src/swim/libswim.a \
	src/gossip/libgossip.a \
	src/wal/libwal.a \
	src/crypto/libcrypto.a \
	src/codec/libcodec.a \
	src/base/libbase.a

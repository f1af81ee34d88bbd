# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

# files: covey/*.h
noinst_HEADERS += \
	%D%/covey/admin.h \
	%D%/covey/base.h \
	%D%/covey/cli.h \
	%D%/covey/client.h \
	%D%/covey/codec.h \
	%D%/covey/crypto.h \
	%D%/covey/daemon.h \
	%D%/covey/digest.h \
	%D%/covey/gossip.h \
	%D%/covey/hcl.h \
	%D%/covey/jobspec.h \
	%D%/covey/journal.h \
	%D%/covey/learn.h \
	%D%/covey/mark.h \
	%D%/covey/net.h \
	%D%/covey/node.h \
	%D%/covey/placement.h \
	%D%/covey/proc.h \
	%D%/covey/raft.h \
	%D%/covey/reconcile.h \
	%D%/covey/shim.h \
	%D%/covey/state.h \
	%D%/covey/store.h \
	%D%/covey/swim.h \
	%D%/covey/voters.h \
	%D%/covey/wal.h

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# Written by contrib/dev/update-sources.


check_PROGRAMS += %D%/fuzz_codec
%C%_fuzz_codec_SOURCES = \
	%D%/fuzz_codec.c
%C%_fuzz_codec_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_codec_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_crypto
%C%_fuzz_crypto_SOURCES = \
	%D%/fuzz_crypto.c
%C%_fuzz_crypto_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_crypto_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_gossip
%C%_fuzz_gossip_SOURCES = \
	%D%/fuzz_gossip.c
%C%_fuzz_gossip_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_gossip_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_hcl
%C%_fuzz_hcl_SOURCES = \
	%D%/fuzz_hcl.c
%C%_fuzz_hcl_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_hcl_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_node
%C%_fuzz_node_SOURCES = \
	%D%/fuzz_node.c
%C%_fuzz_node_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_node_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_raft
%C%_fuzz_raft_SOURCES = \
	%D%/fuzz_raft.c
%C%_fuzz_raft_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_raft_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_state
%C%_fuzz_state_SOURCES = \
	%D%/fuzz_state.c
%C%_fuzz_state_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_state_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_swim
%C%_fuzz_swim_SOURCES = \
	%D%/fuzz_swim.c
%C%_fuzz_swim_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_swim_LDADD = $(FUZZ_LIBS)

check_PROGRAMS += %D%/fuzz_wal
%C%_fuzz_wal_SOURCES = \
	%D%/fuzz_wal.c
%C%_fuzz_wal_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_wal_LDADD = $(FUZZ_LIBS)

FUZZ_TARGETS = \
	%D%/fuzz_codec \
	%D%/fuzz_crypto \
	%D%/fuzz_gossip \
	%D%/fuzz_hcl \
	%D%/fuzz_node \
	%D%/fuzz_raft \
	%D%/fuzz_state \
	%D%/fuzz_swim \
	%D%/fuzz_wal

# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

EXTRA_DIST += contrib

# files: man/*.[158]
dist_man_MANS += \
	%D%/man/covey-agent.8 \
	%D%/man/covey-job.5 \
	%D%/man/covey.1

# files: covey.service systemd/*.service
dist_systemdsystemunit_DATA = \
	%D%/covey.service

bashcompletiondir = $(datadir)/bash-completion/completions
# files: completions/covey completions/*.bash
dist_bashcompletion_DATA = \
	%D%/completions/covey.bash

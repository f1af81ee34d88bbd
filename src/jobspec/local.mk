# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors

noinst_LIBRARIES += %D%/libjobspec.a
# files: *.c *.h
%C%_libjobspec_a_SOURCES = \
	%D%/hcl_body.c \
	%D%/hcl_config.c \
	%D%/hcl_diag.c \
	%D%/hcl_expr.c \
	%D%/hcl_lex.c \
	%D%/hcl_number.c \
	%D%/hcl_parser.h \
	%D%/hcl_template.c \
	%D%/job_env.c \
	%D%/job_expand.c \
	%D%/job_group.c \
	%D%/job_pairs.c \
	%D%/job_reader.c \
	%D%/job_reader.h \
	%D%/job_task.c \
	%D%/job_text.c \
	%D%/job_value.c \
	%D%/jobspec.c

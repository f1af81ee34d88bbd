/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What this host is: its resources, its key, its clocks. */
#ifndef COVEY_DAEMON_HOST_H
#define COVEY_DAEMON_HOST_H

#include <covey/base.h>
#include <covey/crypto.h>

int64_t host_now_us(void); /* the lease clock of covey/node.h */
int64_t host_wall_ms(void);
int64_t host_cpu_us(void); /* used by all threads */
uint32_t host_cpu_mhz(void); /* all cores together; 0 when it cannot be told */
uint32_t host_memory_mib(void);
struct boot_id host_boot_id(void);
void host_random(void *out, size_t size_bytes);
/* The first address of this host that is not loopback; false when it has none. */
bool host_address(struct addr *ret);
/* Makes the folder, with this mode, and those above it that are not there; -1 with errno. */
int host_make_dirs(const char *path, unsigned mode);
/* Reads <dir>/identity (32 bytes, 0600), making both where they are not there. Errors are told in ret_text.
 */
int host_identity(const char *dir, struct secret *ret_seed, char *ret_text, size_t text_size);

#endif

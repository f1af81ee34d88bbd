/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* ---- clocks ---- */

static int64_t clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

/* RAW is not slewed by a time daemon; what MONOTONIC lacks of BOOTTIME is the time asleep. */
int64_t host_now_us(void) {
    int64_t asleep = clock_us(CLOCK_BOOTTIME) - clock_us(CLOCK_MONOTONIC);
    return clock_us(CLOCK_MONOTONIC_RAW) + asleep;
}

int64_t host_wall_ms(void) { return clock_us(CLOCK_REALTIME) / 1000; }

int64_t host_cpu_us(void) { return clock_us(CLOCK_PROCESS_CPUTIME_ID); }

/* ---- resources ---- */

/* What one is made for, or can do at most; 0 where the kernel does not say. */
static double core_mhz(long core) {
    static const char *const names[] = {"base_frequency", "cpuinfo_max_freq"};
    double khz = 0;
    for (size_t i = 0; i < 2 && khz == 0; i++) {
        char path[128];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%ld/cpufreq/%s", core, names[i]);
        FILE *f = fopen(path, "re");
        if (f != NULL && fscanf(f, "%lf", &khz) != 1)
            khz = 0;
        if (f != NULL)
            fclose(f);
    }
    return khz / 1000;
}

/* The "cpu MHz" of /proc/cpuinfo are those of this moment: a core that idles would count for little. */
uint32_t host_cpu_mhz(void) {
    double total = 0;
    for (long i = 0; i < sysconf(_SC_NPROCESSORS_CONF); i++)
        total += core_mhz(i);
    if (total > 0)
        return (uint32_t)total;
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[512];
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        double mhz;
        if (sscanf(line, "cpu MHz : %lf", &mhz) == 1)
            total += mhz;
    }
    if (f != NULL)
        fclose(f);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    /* Where the kernel does not tell a clock rate (most ARM machines), a core counts as 1000 MHz. */
    return total > 0 ? (uint32_t)total : (uint32_t)(cores > 0 ? cores : 1) * 1000;
}

uint32_t host_memory_mib(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint32_t)((uint64_t)pages * (uint64_t)size >> 20) : 0;
}

struct boot_id host_boot_id(void) {
    struct boot_id id = {{0}};
    char text[64] = "", hex[33];
    size_t n = 0;
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f == NULL)
        return id;
    if (fgets(text, sizeof text, f) != NULL)
        for (const char *p = text; *p != 0 && n < 32; p++)
            if (*p != '-' && *p != '\n')
                hex[n++] = *p;
    fclose(f);
    (void)hex_decode(bytes_of(hex, n), id.b, sizeof id.b);
    return id;
}

void host_random(void *out, size_t size_bytes) {
    ssize_t got = getrandom(out, size_bytes, 0);
    if (got != (ssize_t)size_bytes) {
        fputs("covey agent: the kernel gives no random bytes\n", stderr);
        abort();
    }
}

bool host_address(struct addr *ret) {
    struct ifaddrs *all, *best = NULL;
    if (getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || (i->ifa_flags & IFF_LOOPBACK) != 0 || (i->ifa_flags & IFF_UP) == 0)
            continue;
        if (i->ifa_addr->sa_family == AF_INET && best == NULL)
            best = i;
    }
    if (best != NULL) {
        struct sockaddr_in in;
        memcpy(&in, best->ifa_addr, sizeof in);
        *ret = (struct addr){.size = 6};
        memcpy(ret->b, &in.sin_addr, 4);
    }
    freeifaddrs(all);
    return best != NULL;
}

/* ---- identity ---- */

static int identity_make(int dir, struct secret *seed) {
    host_random(seed->b, sizeof seed->b);
    int fd = openat(dir, "identity.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool good = write(fd, seed->b, sizeof seed->b) == (ssize_t)sizeof seed->b && fsync(fd) == 0;
    close(fd);
    good = good && linkat(dir, "identity.new", dir, "identity", 0) == 0 && fsync(dir) == 0;
    int saved = errno;
    unlinkat(dir, "identity.new", 0);
    errno = saved;
    return good ? 0 : -1;
}

/* What is written and flushed in a folder is lost with the folder. */
static int parent_flush(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = parent < 0 ? 0 : fsync(parent) != 0 && errno != EINVAL; /* some file systems cannot */
    if (fd >= 0)
        close(fd);
    if (parent >= 0)
        close(parent);
    return failed;
}

int host_make_dirs(const char *path, unsigned mode) {
    char part[4096];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && i != size)
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        int made = mkdir(part, i == size ? mode : 0755);
        if (made != 0 ? errno != EEXIST : parent_flush(part) != 0)
            return -1;
    }
    return 0;
}

int host_identity(const char *dir, struct secret *ret_seed, char *ret_text, size_t text_size) {
    /* Tasks of other users pass through it to theirs; what is the agent's is closed to them file by file. */
    int d = host_make_dirs(dir, 0711) == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    /* Of agents that start at once here one makes the key and the others read it. */
    if (d < 0 || flock(d, LOCK_EX) != 0) {
        snprintf(ret_text, text_size, "cannot use the data directory %s: %s", dir, strerror(errno));
        if (d >= 0)
            close(d);
        return ERR_IO;
    }
    int fd = openat(d, "identity", O_RDONLY | O_CLOEXEC);
    int error = 0;
    if (fd < 0 && errno == ENOENT)
        error = identity_make(d, ret_seed) == 0 ? 0 : ERR_IO;
    else if (fd < 0)
        error = ERR_IO;
    else if (read(fd, ret_seed->b, sizeof ret_seed->b) != (ssize_t)sizeof ret_seed->b)
        error = ERR_CORRUPT;
    if (error == ERR_IO)
        snprintf(ret_text, text_size, "%s/identity: %s", dir, strerror(errno));
    if (error == ERR_CORRUPT)
        snprintf(ret_text, text_size,
                 "%s/identity: not the 32 bytes of a key; restore it, or remove it to become a new host",
                 dir);
    if (fd >= 0)
        close(fd);
    close(d);
    return error;
}

/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One binary: the agent, the shim of a task, and the command line. */
#include <fcntl.h>
#include <string.h>

#include <covey/cli.h>
#include <covey/daemon.h>
#include <covey/proc.h>

/*
 * Where one of the first three descriptors is closed, the next file or socket would take its number, and what
 * is meant for people would be written into it. So each stands for something that it cannot be used for.
 */
static void streams_fill(void) {
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0)
            (void)open("/dev/null", modes[i]);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return proc_shim_main(argc, argv);
    streams_fill();
    /* `covey agent restart` and the like speak to the agent that runs. */
    if (argc > 1 && strcmp(argv[1], "agent") == 0 && (argc == 2 || argv[2][0] == '-'))
        return daemon_main(argc - 1, argv + 1);
    return cli_main(argc, argv);
}

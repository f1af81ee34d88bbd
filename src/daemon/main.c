/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One binary: the agent, the shim of a task, and the command line. */
#include <string.h>

#include <covey/cli.h>
#include <covey/daemon.h>
#include <covey/proc.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return proc_shim_main(argc, argv);
    /* `covey agent restart` and the like speak to the agent that runs. */
    if (argc > 1 && strcmp(argv[1], "agent") == 0 && (argc == 2 || argv[2][0] == '-'))
        return daemon_main(argc - 1, argv + 1);
    return cli_main(argc, argv);
}

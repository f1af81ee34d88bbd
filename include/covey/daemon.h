/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* daemon: `covey agent`. The libev loop that joins node with the shells; configuration. SHELL. */
#ifndef COVEY_DAEMON_H
#define COVEY_DAEMON_H

/* argv[0] is "agent". Runs until told to end; the value is the exit status. Texts go to stderr. */
int daemon_main(int argc, char **argv);

#endif

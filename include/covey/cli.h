/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* cli: every verb of `covey` but agent and shim, over covey/client.h alone. SHELL. */
#ifndef COVEY_CLI_H
#define COVEY_CLI_H

/* argv[0] is "covey", argv[1] the verb. The value is the exit status (err_exit() of covey/base.h). */
int cli_main(int argc, char **argv);

#endif

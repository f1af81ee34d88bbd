/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

const char *err_str(int code) {
    switch (code) {
    case 0: return "ok";
#define ERR_CASE(name, code, text, status)                                                                   \
    case name: return text;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default: return "unknown error";
    }
}

int err_exit(int code) {
    switch (code) {
    case 0: return 0;
#define ERR_CASE(name, code, text, status)                                                                   \
    case name: return status;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default: return 1;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/mark.h"

#include <assert.h>

const char *mark_name(enum mark mark) {
    static const char *const names[] = {
#define MARK_NAME(name, text) #name,
        MARK_LIST(MARK_NAME)
#undef MARK_NAME
    };
    assert(mark < MARKS_COUNT);
    return names[mark];
}

const char *mark_text(enum mark mark) {
    static const char *const texts[] = {
#define MARK_TEXT(name, text) text,
        MARK_LIST(MARK_TEXT)
#undef MARK_TEXT
    };
    assert(mark < MARKS_COUNT);
    return texts[mark];
}

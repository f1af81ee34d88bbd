/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One task's life as a table, after s6-supervise: every phase says what each event does to it, and the
 * table's size is asserted, so that no pair can be forgotten.
 *
 *                    .---------------- restart -----------------.
 *                    v                                          |
 *   new -BEGIN-> starting -SPAWNED-> running -EXITED-> cleaning -EMPTY-> backoff
 *    |               |                  |                ^  |               |
 *    |               | SPAWN_FAILED     | STOP, RESTART  |  |               |
 *    |               v                  v                |  |               |
 *    |       backoff or dead        stopping -EXITED-----'  |               |
 *    |                                  |                ^  |               |
 *    |                                  | kill_timeout   |  |               |
 *    |                                  v                |  |               |
 *    |                               killing -EXITED-----'  | EMPTY         |
 *    | STOP                                                 v               |
 *    '--------------------------------------------------> dead <----STOP----'
 *                                                           |
 *                                                           '-RELEASE-> gone
 *
 *   new, starting: shown as pending. stopping: kill_signal was sent; killing: SIGKILL was sent to all, and
 *   the first process is not yet gone; cleaning: it is gone, others may not be. These three are shown as
 *   stopping.
 *
 * A run ends with its first process: what that one left behind is killed with it (cleaning), also when it
 * exited with 0. So no two runs of a task overlap, a stop is certain, and an output file has an end. SIGKILL
 * is repeated each second for as long as a process is left, since a process in an uninterruptible wait may
 * take it late.
 *
 * The status is saved when the task runs, waits or ends, and when it is being stopped; not between an exit
 * and the start that follows at once, which nobody could act on. A dead task stays dead: its end may be in a
 * log already. A release is only heard by the dead, so that no message can end a running task without a stop.
 */

#include "core.h"

#define SIGNAL_MAX 64

enum shim_event {
    EVENT_BEGIN,
    EVENT_SPAWNED,
    EVENT_SPAWN_FAILED,
    EVENT_EXITED,
    EVENT_EMPTY,
    EVENT_STOP,
    EVENT_RESTART,
    EVENT_SIGNAL,
    EVENT_RELEASE,
    EVENT_ATTACHED,
    EVENT_DEADLINE,
};
#define EVENTS_COUNT 11

struct event {
    int64_t now_us;
    const struct shim_input *input;
    uint32_t signal;
};
typedef void handler(struct shim *s, const struct event *e);

/* ---- effects ------------------------------------------------------------------------------------------- */

static void emit(struct shim *s, enum shim_effect_kind kind, uint32_t signal) {
    struct shim_effect effect = {.kind = kind, .signal = signal};
    VEC_PUSH(&s->effects, effect);
}

static void save(struct shim *s) {
    s->sequence++;
    emit(s, SHIM_SAVE, 0);
}

static void phase_enter(struct shim *s, enum shim_phase phase, int64_t deadline_us) {
    s->phase = phase;
    s->deadline_us = deadline_us;
}

static void reason_text(struct shim *s, const char *text) { shim_reason_set(s, bytes_str(text)); }

/* ---- steps that several handlers take ------------------------------------------------------------------ */

static void start(struct shim *s) {
    s->restart_asked = s->forced = s->stuck = false;
    phase_enter(s, PHASE_STARTING, TIME_NEVER_US);
    emit(s, SHIM_SPAWN, 0);
}

static void start_again(struct shim *s) {
    mark_hit(s->marks, MARK_SHIM_RESTARTED);
    s->fact.restarts++;
    start(s);
}

static void die(struct shim *s, bool failed) {
    s->fact.failed = failed;
    s->fact.pid = 0;
    phase_enter(s, PHASE_DEAD, TIME_NEVER_US);
    save(s);
}

static void kill_all(struct shim *s, enum shim_phase phase, int64_t now_us) {
    phase_enter(s, phase, now_us + SHIM_KILL_AGAIN_US);
    emit(s, SHIM_KILL_ALL, 0);
}

/* A signal of the command's own takes the place of the job's. */
static void stop_begin(struct shim *s, const struct event *e) {
    uint32_t signal = e->signal ? e->signal : s->spec.kill_signal;
    if (s->spec.kill_timeout_ms == 0) {
        s->forced = true;
        kill_all(s, PHASE_KILLING, e->now_us);
    } else {
        phase_enter(s, PHASE_STOPPING, e->now_us + (int64_t)s->spec.kill_timeout_ms * US_PER_MS);
        emit(s, SHIM_KILL, signal ? signal : SHIM_KILL_SIGNAL_DEFAULT);
    }
    save(s);
}

static void restart_or_die(struct shim *s, int64_t now_us) {
    int64_t at_us;
    if (s->spec.type == JOB_TYPE_BATCH && shim_end_success(s)) {
        reason_text(s, "");
        die(s, false);
    } else if (shim_policy_restart(s, now_us, &at_us)) {
        s->fact.pid = 0;
        s->restart_at_us = at_us;
        phase_enter(s, PHASE_BACKOFF, at_us);
        save(s);
    } else {
        mark_hit(s->marks, MARK_SHIM_EXHAUSTED);
        die(s, true);
    }
}

static void die_stopped(struct shim *s) {
    struct buf text = {0};
    buf_printf(&text, "stopped");
    if (s->forced && s->spec.kill_timeout_ms) {
        buf_printf(&text, "; did not end within ");
        duration_append(&text, (int64_t)s->spec.kill_timeout_ms * US_PER_MS);
        buf_printf(&text, " and was killed");
    }
    shim_reason_set(s, buf_bytes(&text));
    buf_done(&text);
    die(s, false);
}

/* ---- handlers: the words in the table --------------------------------------------------------------- */

static void begin(struct shim *s, const struct event *e) {
    (void)e;
    start(s);
}

static void spawned(struct shim *s, const struct event *e) {
    s->fact.pid = e->input->pid;
    s->fact.started_ms = e->input->wall_ms;
    s->end = (struct shim_end){.spawned = true};
    reason_text(s, "");
    if (s->stop_asked) {
        stop_begin(s, e);
        return;
    }
    phase_enter(s, PHASE_RUNNING, TIME_NEVER_US);
    save(s);
}

static void unable(struct shim *s, const struct event *e) {
    s->end = (struct shim_end){.exit_code = SHIM_EXIT_CODE_NOT_RUN};
    s->fact.exit_code = SHIM_EXIT_CODE_NOT_RUN;
    s->fact.exit_signal = 0;
    s->fact.finished_ms = e->input->wall_ms;
    shim_reason_set(s, e->input->text);
    if (s->stop_asked)
        die_stopped(s);
    else
        restart_or_die(s, e->now_us);
}

static void exited(struct shim *s, const struct event *e) {
    s->end = (struct shim_end){
        .spawned = true, .exit_code = e->input->exit_code, .exit_signal = e->input->exit_signal};
    s->fact.exit_code = e->input->exit_code;
    s->fact.exit_signal = e->input->exit_signal;
    s->fact.finished_ms = e->input->wall_ms;
    kill_all(s, PHASE_CLEANING, e->now_us);
}

static void emptied(struct shim *s, const struct event *e) {
    if (s->stop_asked)
        die_stopped(s);
    else if (s->restart_asked)
        start_again(s);
    else
        restart_or_die(s, e->now_us);
}

static void stop(struct shim *s, const struct event *e) {
    s->stop_asked = true;
    stop_begin(s, e);
}

/* The end is on its way, for another reason or none: when it is there, it is for good. */
static void noted(struct shim *s, const struct event *e) {
    (void)e;
    if (s->stop_asked)
        return;
    s->stop_asked = true;
    save(s);
}

static void ended(struct shim *s, const struct event *e) {
    (void)e;
    s->stop_asked = true;
    if (s->phase == PHASE_BACKOFF)
        mark_hit(s->marks, MARK_SHIM_STOPPED_WAITING);
    reason_text(s, s->phase == PHASE_BACKOFF ? "stopped while it waited to restart"
                                             : "stopped before it was started");
    die(s, false);
}

static void restart(struct shim *s, const struct event *e) {
    s->restart_asked = true;
    stop_begin(s, e);
}

static void marked(struct shim *s, const struct event *e) {
    (void)e;
    s->restart_asked = true;
}

static void again(struct shim *s, const struct event *e) {
    (void)e;
    start_again(s);
}

static void pass(struct shim *s, const struct event *e) { emit(s, SHIM_KILL, e->signal); }

static void timeout(struct shim *s, const struct event *e) {
    mark_hit(s->marks, MARK_SHIM_KILLED);
    s->forced = true;
    kill_all(s, PHASE_KILLING, e->now_us);
}

static void rekill(struct shim *s, const struct event *e) {
    kill_all(s, s->phase, e->now_us);
    if (s->stuck)
        return;
    s->stuck = true;
    reason_text(s, "SIGKILL was sent, but processes of the task are left");
    save(s);
}

static void leave(struct shim *s, const struct event *e) {
    (void)e;
    phase_enter(s, PHASE_GONE, TIME_NEVER_US);
    emit(s, SHIM_EXIT, 0);
}

static void tell(struct shim *s, const struct event *e) {
    (void)e;
    emit(s, SHIM_TELL, 0);
}

/* A message that crossed another on its way: nothing is wrong, and nothing is to do. */
static void late(struct shim *s, const struct event *e) {
    (void)s;
    (void)e;
}

/* ---- the table ----------------------------------------------------------------------------------------- */

#define ____ NULL /* cannot happen: ERR_INVALID */

/* clang-format off */
static handler *const table[] = {
/*             BEGIN  SPAWNED  FAILED  EXITED  EMPTY    STOP   RESTART  SIGNAL  RELEASE  ATTACHED  DEADLINE */
/* new      */  begin, ____,    ____,   ____,   ____,    ended, late,    late,   late,    tell,     late,
/* starting */  ____,  spawned, unable, ____,   ____,    noted, late,    late,   late,    tell,     late,
/* running  */  ____,  ____,    ____,   exited, ____,    stop,  restart, pass,   late,    tell,     late,
/* backoff  */  ____,  ____,    ____,   ____,   ____,    ended, again,   late,   late,    tell,     again,
/* stopping */  ____,  ____,    ____,   exited, ____,    noted, late,    pass,   late,    tell,     timeout,
/* killing  */  ____,  ____,    ____,   exited, ____,    noted, late,    late,   late,    tell,     rekill,
/* cleaning */  ____,  ____,    ____,   ____,   emptied, noted, marked,  late,   late,    tell,     rekill,
/* dead     */  late,  ____,    ____,   ____,   ____,    late,  late,    late,   leave,   tell,     late,
/* gone     */  ____,  ____,    ____,   ____,   ____,    late,  late,    late,   late,    late,     late,
};
/* clang-format on */
_Static_assert(sizeof table / sizeof *table == PHASES_COUNT * EVENTS_COUNT,
               "the table has a cell for every pair");
_Static_assert(PHASE_GONE + 1 == PHASES_COUNT && EVENT_DEADLINE + 1 == EVENTS_COUNT,
               "the counts are the enums'");

static int dispatch(struct shim *s, enum shim_event event, const struct event *e) {
    handler *h = table[(size_t)s->phase * EVENTS_COUNT + (size_t)event];
    if (!h)
        return ERR_INVALID;
    h(s, e);
    return 0;
}

/* ---- the three verbs ----------------------------------------------------------------------------------- */

struct shim *shim_new(const struct wire_shim_spec *spec) {
    struct shim *s = mem_alloc(sizeof *s);
    codec_copy(&wire_shim_spec_type, spec, &s->arena, &s->spec);
    phase_enter(s, PHASE_NEW, TIME_NEVER_US);
    return s;
}

void shim_marks(struct shim *s, struct marks *marks) { s->marks = marks; }

void shim_free(struct shim *s) {
    if (!s)
        return;
    VEC_DONE(&s->effects);
    buf_done(&s->reason);
    arena_done(&s->arena);
    mem_free(s);
}

/* A command may hold several words; a stop is stronger than a restart. */
static int feed_command(struct shim *s, struct event *e) {
    const struct wire_shim_command *command = e->input->command;
    int error = 0;
    if (!command || command->signal > SIGNAL_MAX)
        return ERR_INVALID;
    e->signal = command->signal;
    if (command->stop)
        error = dispatch(s, EVENT_STOP, e);
    else if (command->restart)
        error = dispatch(s, EVENT_RESTART, e);
    else if (command->signal)
        error = dispatch(s, EVENT_SIGNAL, e);
    if (!error && command->release)
        error = dispatch(s, EVENT_RELEASE, e);
    return error;
}

int shim_feed(struct shim *s, int64_t now_us, const struct shim_input *input) {
    struct event e = {.now_us = now_us, .input = input};
    switch (input->kind) {
    case SHIM_TICK: return now_us < s->deadline_us ? 0 : dispatch(s, EVENT_DEADLINE, &e);
    case SHIM_BEGIN: return dispatch(s, EVENT_BEGIN, &e);
    case SHIM_SPAWNED: return dispatch(s, EVENT_SPAWNED, &e);
    case SHIM_SPAWN_FAILED: return dispatch(s, EVENT_SPAWN_FAILED, &e);
    case SHIM_EXITED: return dispatch(s, EVENT_EXITED, &e);
    case SHIM_EMPTY: return dispatch(s, EVENT_EMPTY, &e);
    case SHIM_COMMAND: return feed_command(s, &e);
    case SHIM_ATTACHED: return dispatch(s, EVENT_ATTACHED, &e);
    }
    return ERR_INVALID;
}

static struct wire_shim_status status_of(const struct shim *s) {
    struct wire_shim_status status = {
        .version = SHIM_PROTOCOL_VERSION,
        .sequence = s->sequence,
        .fact = s->fact,
        .stop_asked = s->stop_asked,
    };
    status.fact.name = s->spec.task;
    status.fact.state = shim_state(s);
    status.fact.reason = buf_bytes(&s->reason);
    if (s->phase == PHASE_BACKOFF)
        status.restart_at_ms = s->restart_at_us / US_PER_MS;
    return status;
}

bool shim_drain(struct shim *s, struct shim_effect *ret_effect) {
    if (s->effects_drained == s->effects.count) {
        s->effects.count = s->effects_drained = 0;
        return false;
    }
    *ret_effect = s->effects.data[s->effects_drained++];
    if (ret_effect->kind == SHIM_SAVE || ret_effect->kind == SHIM_TELL)
        ret_effect->status = status_of(s);
    return true;
}

int64_t shim_deadline(const struct shim *s) { return s->deadline_us; }

enum task_state shim_state(const struct shim *s) {
    switch (s->phase) {
    case PHASE_NEW:
    case PHASE_STARTING: return TASK_STATE_PENDING;
    case PHASE_RUNNING: return TASK_STATE_RUNNING;
    case PHASE_BACKOFF: return TASK_STATE_BACKOFF;
    case PHASE_STOPPING:
    case PHASE_KILLING:
    case PHASE_CLEANING: return TASK_STATE_STOPPING;
    case PHASE_DEAD:
    case PHASE_GONE: return TASK_STATE_DEAD;
    }
    return TASK_STATE_DEAD;
}

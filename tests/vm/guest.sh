#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# The first process of the booted kernel: busybox and covey are all there is. Lines `ok NAME`, `not ok NAME` and
# `skip NAME: why` go to the console. BOOT (1 or 2) and DISK (empty: none) come from the kernel's command line.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
echo # behind what the firmware wrote
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /data /run/covey
ip link set lo up
hostname guest

seconds() { cut -d. -f1 /proc/uptime; } # not the wall clock: that one jumps here

# until SECONDS COMMAND...: 0 as soon as the command succeeds.
until_ok() {
    end=$(($(seconds) + $1))
    shift
    while ! "$@"; do
        [ "$(seconds)" -lt $end ] || return 1
        sleep 0.1
    done
}

tell() { # NAME STATUS
    if [ "$2" = 0 ]; then echo "ok $1"; else
        echo "not ok $1"
        tail -n 12 /agent.log | sed 's/^/#   /'
    fi
}

note() { echo "# $*"; return 1; }

equal() { # WHAT WANTED SEEN
    [ "$2" = "$3" ] || note "$1: wanted $2, seen $3"
}

# fields JOB NAME: the values of that name in the job's instances, in order.
fields() {
    covey ps --json --all --job "$1" 2>/dev/null | tr ',{}[]' '\n\n\n\n\n' |
        sed -n "s/^\"$2\":\"*\([^\"]*\)\"*\$/\1/p"
}
field() { fields "$1" "$2" | head -n 1; }
field_is() { [ "$(field "$1" "$2")" = "$3" ]; }
identity() { echo "$(field "$1" id) $(field "$1" pid) $(field "$1" restarts)"; }
status_of() { covey status --json | tr ',{}[]' '\n\n\n\n\n' | grep -E '^"(term|role|leader)":' | tr '\n' ' '; }
parent_of() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; }
group_of() { sed -n 's,^0::,/sys/fs/cgroup,p' "/proc/$1/cgroup"; }
# Processes whose arguments begin like this; a zombie has none.
pids_of() { ps -o pid,args | sed -n "s/^ *\([0-9]*\) $1.*/\1/p"; }
gone() { [ -z "$(pids_of "$1")" ]; }
there() { ! gone "$1"; }
pid_gone() { [ ! -e "/proc/$1/exe" ] || ! readlink "/proc/$1/exe" >/dev/null; }

agent_start() {
    covey agent --dev --data-dir /data/covey >>/agent.log 2>&1 &
    agent=$!
    until_ok 20 covey status >/dev/null 2>&1 || note "the agent does not come up"
}

# run NAME MEMORY COMMAND [GROUP-TEXT]
run() {
    cat >/job.hcl <<END
job "$1" {
  group "$1" {
    $4
    task "$1" {
      driver  = "exec"
      command = ["/bin/sh", "-c", "$3"]
      resources {
        cpu    = 500
        memory = $2
      }
      kill_timeout = "2s"
    }
  }
}
END
    covey run --timeout 20s /job.hcl >/run.log 2>&1 || { sed 's/^/#   /' /run.log; return 1; }
}

# ---- the stories --------------------------------------------------------------------------------------------

# What a job asks for is what the kernel holds it to.
limits_are_set() {
    run limits 64 'exec sleep 7000' || return 1
    group=$(group_of "$(field limits pid)")
    equal memory.max $((64 << 20)) "$(cat "$group/memory.max")" || return 1
    equal memory.swap.max 0 "$(cat "$group/memory.swap.max")" || return 1
    # 500 MHz as shares of v1, on the scale of v2.
    equal cpu.weight 19 "$(cat "$group/cpu.weight")" || return 1
    covey stop limits >/dev/null || return 1
    [ ! -e "$group" ] || note "$group is left"
}

# A task beyond its memory is killed by its own group, and restarted as often as its policy says.
memory_limit_kills() {
    kills=$(dmesg | grep -c CONSTRAINT_MEMCG)
    policy='restart {
      attempts = 2
      interval = "1h"
      delay    = "1s"
      mode     = "fail"
    }'
    run eater 16 'exec dd if=/dev/zero of=/dev/null bs=100M count=1' "$policy" >/dev/null
    until_ok 20 field_is eater state failed || { note "state $(field eater state)"; return 1; }
    equal restarts 2 "$(field eater restarts)" || return 1
    equal signal 9 "$(field eater exit_signal)" || return 1
    [ $(($(dmesg | grep -c CONSTRAINT_MEMCG) - kills)) -ge 3 ] || note "the kernel's log tells of no such kill"
    covey stop eater >/dev/null
    kill -0 $agent
}

# A daemon (two forks, a session of its own) is its task's all the same.
stop_leaves_nothing() {
    run daemon 32 '( ( exec setsid sleep 7001 ) & ); exec sleep 7002' || return 1
    until_ok 5 there 'sleep 7001' || { note "the daemon does not run"; return 1; }
    group=$(group_of "$(field daemon pid)")
    equal "the daemon's group" "$group" "$(group_of "$(pids_of 'sleep 7001')")" || return 1
    covey stop daemon >/dev/null || return 1
    gone 'sleep 700[12]' || { note "left: $(ps -o pid,args | grep 'sleep 700[12]')"; return 1; }
    [ ! -e "$group" ] || note "$group is left"
}

# Nothing of a task outlives its shim, and its policy goes on without that shim.
shim_killed_leaves_nothing() {
    run orphan 32 '( ( exec setsid sleep 7003 ) & ); exec sleep 7004' || return 1
    until_ok 5 there 'sleep 7003' || { note "the daemon does not run"; return 1; }
    pid=$(field orphan pid)
    daemon=$(pids_of 'sleep 7003')
    kill -9 "$(parent_of "$pid")"
    until_ok 5 pid_gone "$pid" || { note "the task is left"; return 1; }
    until_ok 5 pid_gone "$daemon" || { note "the daemon is left"; return 1; }
    until_ok 30 there 'sleep 7004' || { note "it was not started again"; return 1; }
    covey stop orphan >/dev/null || return 1
    gone 'sleep 700[34]' || note "left: $(ps -o pid,args | grep 'sleep 700[34]')"
}

# A day forth, two days back, a day forth: no task and no term notices.
clock_jumps_harm_nothing() {
    run clock 32 'exec sleep 7005' || return 1
    before=$(identity clock) office=$(status_of)
    for days in 1 -2 1; do
        date -s "@$(($(date +%s) + days * 86400))" >/dev/null || { note "the clock cannot be set"; return 1; }
        end=$(($(seconds) + 3))
        while [ "$(seconds)" -lt $end ]; do
            equal "the task after $days days" "$before" "$(identity clock)" || return 1
            equal "the leader after $days days" "$office" "$(status_of)" || return 1
            sleep 0.2
        done
    done
    covey stop clock >/dev/null
}

# An agent that is killed loses no task: the next one adopts it as it is.
agent_killed_adopts() {
    run adopted 32 'exec sleep 7006' || return 1
    before=$(identity adopted) started=$(field adopted started_ms)
    kill -9 $agent
    wait $agent 2>/dev/null
    there 'sleep 7006' || { note "the task died with the agent"; return 1; }
    agent_start || return 1
    until_ok 20 field_is adopted state running || { note "state $(field adopted state)"; return 1; }
    sleep 2
    equal "the task" "$before $started" "$(identity adopted) $(field adopted started_ms)" || return 1
    covey stop adopted >/dev/null || return 1
    gone 'sleep 7006' || note "it was not stopped"
}

keeper_start() {
    run keeper 32 'echo started at uptime $(cut -d. -f1 /proc/uptime); exec sleep 7007' || return 1
    field keeper id >/data/keeper
    date -s "@$(($(date +%s) + 60))" >/dev/null
}

# As an init system does it: services are ended, then TERM to everybody, a while, KILL to everybody, file systems away.
power_off() {
    trap '' TERM
    kill -TERM $agent
    wait $agent
    kill -TERM -1
    until_ok 10 gone covey
    kill -KILL -1
    until_ok 5 umount /data
    sync
    poweroff -f
    sleep 10
    reboot -f
}

# After the boot the task is there again: the same instance, a new process.
task_back_after_power_off() {
    until_ok 30 field_is keeper state running || { note "state $(field keeper state)"; return 1; }
    equal "the instance" "$(cat /data/keeper)" "$(field keeper id)" || return 1
    until_ok 60 there 'sleep 7007' || { note "it does not run"; return 1; }
    covey logs keeper >/keeper.log
    equal "starts in its output" 2 "$(wc -l </keeper.log)" || { sed 's/^/#   /' /keeper.log; return 1; }
}

# ---- both boots ---------------------------------------------------------------------------------------------

if [ -n "$DISK" ]; then
    for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
        [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko
    done
    until_ok 10 test -b /dev/vda
    mount -t ext4 /dev/vda /data || echo "not ok mount of the disk"
fi

agent_start
tell "agent-up-in-boot-$BOOT" $?
if [ "$BOOT" = 1 ]; then
    for story in limits_are_set memory_limit_kills stop_leaves_nothing shim_killed_leaves_nothing \
        clock_jumps_harm_nothing agent_killed_adopts; do
        echo "# $(seconds) $story"
        $story
        tell "$(echo $story | tr _ -)" $?
    done
    [ -z "$DISK" ] || keeper_start || echo "# the job of the second boot does not run"
else
    task_back_after_power_off
    tell task-back-after-power-off $?
fi
echo "# end of boot $BOOT"
power_off

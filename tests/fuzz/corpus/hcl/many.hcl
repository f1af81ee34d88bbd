# More than one job in a file, and copies that tell themselves apart by their slot.
job "clock" {
  group "clock" {
    count = 2
    task "tick" {
      command = ["/bin/sh", "-c", "while :; do echo \"$0 $(date)\"; sleep 10; done", "${NOMAD_ALLOC_NAME}"]
    }
  }
}

job "idle" {
  group "idle" {
    count = 0 # known, but nothing runs
    task "sleep" {
      command = ["/bin/sleep", "infinity"]
    }
  }
}

# The smallest job: one task, one copy, restarted when it ends.
job "hello" {
  group "hello" {
    task "hello" {
      command = ["/bin/sh", "-c", "while :; do echo hello from $COVEY_NODE_NAME; sleep 5; done"]
    }
  }
}

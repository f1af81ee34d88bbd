# A batch job: each copy runs to its end once; one that fails is tried again.
job "backup" {
  type = "batch"

  meta {
    owner = "operations"
  }

  group "backup" {
    count = 2

    restart {
      attempts = 2
      interval = "1h"
      delay    = "10s"
      mode     = "fail"
    }

    task "dump" {
      command = ["/bin/sh", "-c", <<-EOF
        set -eu
        echo "part $COVEY_SLOT for ${NOMAD_META_owner}"
        sleep 2
        EOF
      ]
      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}

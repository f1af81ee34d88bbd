# A service of three copies, each on a port that its host picks. `covey ps web` shows the ports.
job "web" {
  type = "service" # the default: runs until it is stopped

  group "web" {
    count = 3

    network {
      port "http" {} # dynamic; port "http" { static = 8080 } asks for that very port of the host
    }

    restart {
      attempts = 3
      interval = "10m"
      delay    = "2s"
      mode     = "delay" # three failures in ten minutes: wait for the rest of the ten minutes, then go on
    }

    task "server" {
      driver = "exec"

      config {
        command = "/usr/bin/python3"
        args    = ["-m", "http.server", "--bind", "${NOMAD_IP_http}", "${NOMAD_PORT_http}"]
      }

      env {
        PYTHONUNBUFFERED = 1
        PUBLIC_URL       = "http://${NOMAD_ADDR_http}/"
      }

      resources {
        cpu    = 200 # MHz
        memory = 64  # MiB
      }

      kill_signal  = "SIGINT"
      kill_timeout = "3s"
    }
  }
}

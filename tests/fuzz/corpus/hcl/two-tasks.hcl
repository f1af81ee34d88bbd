# Two tasks of one group always run together on one host: here a server and a neighbour that watches it.
job "pair" {
  group "pair" {
    network {
      port "http" {}
    }

    task "server" {
      command = ["/usr/bin/python3", "-m", "http.server", "${NOMAD_PORT_http}"]
    }

    task "watch" {
      driver = "raw_exec" # without isolation; the host's operator must have allowed it

      config {
        command = "/bin/sh"
        args    = ["-c", "while :; do wget -q -O /dev/null \"$TARGET\" || echo down; sleep 1; done"]
      }

      env {
        TARGET = "http://${NOMAD_ADDR_http}/"
      }

      user = "nobody"
    }
  }
}

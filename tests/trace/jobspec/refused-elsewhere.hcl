variable "x" {
  type = string
}
variables {
}
locals {
  y = 1
}
job "shop" {
  group "web" {
    network {
      mbits = 10
      dns {
      }
      port "a" {
        host_network = "public"
      }
    }
    restart {
      render_templates = true
    }
    task "web" {
      driver = "exec"
      config {
        command = "/srv/web"
        cap_add = ["net_admin"]
        pid_mode = "host"
      }
      resources {
        network {
        }
        device "gpu" {
        }
      }
    }
  }
}

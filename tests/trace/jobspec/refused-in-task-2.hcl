job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      logs {
      }
      restart {
      }
      scaling {
      }
      secret {
      }
      service {
      }
      shutdown_delay {
      }
      template {
      }
      vault {
      }
      volume_mount {
      }
    }
  }
}

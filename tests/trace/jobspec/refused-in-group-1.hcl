job "shop" {
  group "web" {
    affinity = 1
    consul = 1
    constraint = 1
    disconnect = 1
    dynamic = 1
    ephemeral_disk = 1
    exclusive = 1
    max_client_disconnect = 1
    max_run_duration = 1
    migrate = 1
    partition = 1
    task "web" {
      command = "/srv/web"
    }
  }
}

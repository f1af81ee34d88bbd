job "shop" {
  group "web" {
    prevent_reschedule_on_lost = 1
    reschedule = 1
    scaling = 1
    service = 1
    shutdown_delay = 1
    spread = 1
    stop_after_client_disconnect = 1
    update = 1
    vault = 1
    volume = 1
    task "web" {
      command = "/srv/web"
    }
  }
}

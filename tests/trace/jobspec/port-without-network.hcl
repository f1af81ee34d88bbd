job "shop" {
  group "web" {
    task "web" {
      command = ["/srv/web", "${NOMAD_PORT_http}"]
    }
  }
}

job "shop" {
  group "web" {
    network = "host"
    restart = 5
    task "web" {
      command = "/srv/web"
    }
  }
}

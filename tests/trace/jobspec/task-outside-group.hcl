job "shop" {
  task "web" {
      command = "/srv/web"
  }
}

job "shop" {
  type = "system"
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

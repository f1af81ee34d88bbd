job "shop" {
  type = "servce"
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

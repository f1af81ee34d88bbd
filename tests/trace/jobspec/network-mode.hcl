job "shop" {
  group "web" {
    network {
      mode = "bridge"
    }
    task "web" {
      command = "/srv/web"
    }
  }
}

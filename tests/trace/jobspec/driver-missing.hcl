job "shop" {
  group "web" {
    task "web" {
      config {
        command = "/srv/web"
      }
    }
  }
}

job "shop" {
  group "web" {
    task "web" {
      driver = "raw-exec"
      config {
        command = "/srv/web"
      }
    }
  }
}

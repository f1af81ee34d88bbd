job "shop" {
  group "web" {
    task "web" {
      driver = "exec"
      command = "/srv/web"
      config {
        command = "/srv/web"
      }
    }
  }
}

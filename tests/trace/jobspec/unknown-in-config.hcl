job "shop" {
  group "web" {
    task "web" {
      driver = "exec"
      config {
        comand = "/srv/web"
        arg = []
        image = "nginx"
      }
    }
  }
}

job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      env {
        PATH = "/opt/bin:${PATH}"
      }
    }
  }
}

job "shop" {
  group "web" {
    task "web" {
      driver = "exec"
    }
  }
}

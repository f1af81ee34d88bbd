job "shop" {
  group "web" {
    task "web" {
      driver = "exec"
      config {
        args = ["a"]
      }
    }
  }
}

job "shop" {
  group "web" {
    task "a" {
      command = { a = 1 }
    }
    task "b" {
      command = [["x"]]
    }
    task "c" {
      command = sleep
    }
    task "d" {
      driver = "exec"
      config {
        command = ["/srv/web"]
        args = "x"
      }
    }
  }
}

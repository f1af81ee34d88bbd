job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      user = 5
      kill_timeout = 5
      kill_signal = 15
      env = ["A=1"]
      meta = "x"
      resources {
        cpu = "much"
        memory = { }
      }
    }
  }
}

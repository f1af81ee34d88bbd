job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      kill_timeut = "5s"
    }
  }
}

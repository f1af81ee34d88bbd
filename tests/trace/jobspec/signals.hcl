job "shop" {
  group "web" {
    task "a" {
      command = "/srv/web"
      kill_signal = "SIGTRM"
    }
    task "b" {
      command = "/srv/web"
      kill_signal = "TERM"
    }
    task "c" {
      command = "/srv/web"
      kill_signal = "quit"
    }
  }
}

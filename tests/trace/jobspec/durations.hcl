job "shop" {
  group "web" {
    restart {
      interval = "5 minutes"
      delay = "10"
    }
    task "web" {
      command = "/srv/web"
      kill_timeout = "25h"
    }
    task "b" {
      command = "/srv/web"
      kill_timeout = "100us"
    }
  }
}

job "a" {
  group "g0" {
    restart {
      mode = "never"
    }
    task "web" {
      command = "/srv/web"
    }
  }
  group "g1" {
    restart {
      attempts = 10
      interval = "1m"
      delay = "10s"
    }
    task "web" {
      command = "/srv/web"
    }
  }
  group "g2" {
    restart {
      interval = "0s"
    }
    task "web" {
      command = "/srv/web"
    }
  }
  group "g3" {
    restart {
      attempts = -1
    }
    task "web" {
      command = "/srv/web"
    }
  }
  group "g4" {
    restart {
      interval = "31d"
    }
    task "web" {
      command = "/srv/web"
    }
  }
}

job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      env     = { "" = 1, "A=B" = 2, "1X" = 3, "GOOD.name-1" = 4 }
      meta    = { "" = 1, "line\nfeed" = 2 }
    }
    task "keys" {
      command = "/srv/web"
      env     = { (x) = 5 }
      meta    = { "${x}" = 6 }
    }
  }
}

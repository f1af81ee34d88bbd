job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      command = "/srv/other"
      env = { A = 1, B = 2, "A" = 3 }
    }
  }
}

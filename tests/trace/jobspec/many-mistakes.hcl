job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      x0 = 1
      x1 = 1
      x2 = 1
      x3 = 1
      x4 = 1
      x5 = 1
      x6 = 1
      x7 = 1
      x8 = 1
      x9 = 1
      x10 = 1
      x11 = 1
      x12 = 1
      x13 = 1
      x14 = 1
      x15 = 1
      x16 = 1
      x17 = 1
      x18 = 1
      x19 = 1
      x20 = 1
      x21 = 1
      x22 = 1
      x23 = 1
      x24 = 1
    }
  }
}

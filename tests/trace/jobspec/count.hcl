job "a" {
  group "g0" {
    count = "two"
    task "web" {
      command = "/srv/web"
    }
  }
  group "g1" {
    count = -1
    task "web" {
      command = "/srv/web"
    }
  }
  group "g2" {
    count = 10001
    task "web" {
      command = "/srv/web"
    }
  }
  group "g3" {
    count = 1.5
    task "web" {
      command = "/srv/web"
    }
  }
  group "g4" {
    count = [3]
    task "web" {
      command = "/srv/web"
    }
  }
  group "g5" {
    count = true
    task "web" {
      command = "/srv/web"
    }
  }
}

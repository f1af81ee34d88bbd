job "shop" {
  group "web" {
    task "a" {
      command = "/srv/web"
      resources {
        cpu = 0
        memory = 99999999999
      }
    }
    task "b" {
      command = "/srv/web"
      resources {
        cores = 2
        memory_max = 5
      }
    }
  }
}

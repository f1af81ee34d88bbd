job "shop" {
  group "web" {
    network {
      prot "http" {}
      port "web" {
        statc = 80
      }
    }
    restart {
      atempts = 1
      reties = 2
    }
    task "web" {
      command = "/srv/web"
      resources {
        mem = 1
        cpus = 1
      }
    }
  }
}

job "shop" {
  group "web" {
    network {
      port "http" {
        static = 80
      }
      port "web" {
        static = 80
      }
      port "big" {
        static = 65536
      }
      port "my-port" {}
      port "x" {
        to = -2
      }
      port "http" {}
    }
    task "web" {
      command = "/srv/web"
    }
  }
}

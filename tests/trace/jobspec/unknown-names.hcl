job "shop" {
  typ = "batch"
  datacentres = ["dc1"]
  group "web" {
    cuont = 2
    netwrok {
    }
    task "web" {
      comand = "/srv/web"
      enviroment {
      }
      kill_timeut = "5s"
    }
    something_else = 1
  }
}

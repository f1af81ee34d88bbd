job "shop" {
  group "web" {
    network "x" {
    }
    task "web" {
      command = "/srv/web"
    }
  }
}

job "shop" {
  type = batch
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

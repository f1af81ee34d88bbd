job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
    }
}

job "shop" {
  type {
  }
  group "web" {
    count {
    }
    task "web" {
      command = "/srv/web"
    }
  }
}

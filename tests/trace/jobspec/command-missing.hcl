job "shop" {
  group "web" {
    task "web" {
      user = "www"
    }
  }
}

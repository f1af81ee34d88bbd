job "shop" {
  group "web" {
    count = 1
  }
}

job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      env {
        A = "${B}"
        B = "x${C}"
        C = "${A}"
      }
    }
  }
}

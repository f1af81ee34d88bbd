job "shop" {
  group "web" {
    meta {
      b = "x${var.y}"
    }
    task "web" {
      command = "/srv/web"
      user = "${NOMAD_JOB_NAME}"
      meta {
        a = "${NOMAD_JOB_NAME}"
      }
      kill_timeout = "${T}"
    }
  }
}

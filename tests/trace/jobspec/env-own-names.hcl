job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      env {
        NOMAD_JOB_NAME = "x"
        COVEY_SLOT     = 1
        NOMAD_ADDR     = "http://127.0.0.1:4646"
      }
    }
  }
}

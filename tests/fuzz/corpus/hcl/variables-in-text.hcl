job "shop" {
  group "web" {
    task "web" {
      command = ["/srv/web", "${NOMAD_TASK_NAM}", "${HOME}", "${NOMAD_SECRETS_DIR}", "${NOMAD_META_colour}"]
      env {
        COLOR = "red"
        A     = "${COLOUR}"
        B     = "${NOMAD_DC}"
      }
    }
  }
}

job "shop" {
  group "web" {
    network {
      port "http" {}
    }
    task "web" {
      command = ["/srv/web", "--port", "${NOMAD_PORT_htpp}", "${NOMAD_ADDR_db}"]
      env {
        PORT = "${COVEY_HOST_PORT_admin}"
      }
    }
  }
}

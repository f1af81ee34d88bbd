job "shop" {
  group "web" {
    count = var.count
    task "web" {
      command = ["/srv/web", var.port, local.x, "${var.port}", "${attr.kernel.name}", "${node.unique.name}", "${meta.zone}", upper("x"), "${file("x")}", 1 + 2, "${1 + 2}", true ? "a" : "b"]
      env {
        A = "%{ if true }x%{ endif }"
        B = [for x in [1] : x]
        C = NOMAD_PORT_http
        D = "${[1]}"
      }
    }
  }
}

job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
      action {
      }
      affinity {
      }
      artifact {
      }
      constraint {
      }
      consul {
      }
      csi_plugin {
      }
      dispatch_payload {
      }
      dynamic {
      }
      identity {
      }
      kind {
      }
      leader {
      }
      lifecycle {
      }
    }
  }
}

job "shop" {
  node_pool = 1
  parameterized = 1
  periodic = 1
  priority = 1
  region = 1
  reschedule = 1
  spread = 1
  ui = 1
  update = 1
  vault = 1
  vault_token = 1
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

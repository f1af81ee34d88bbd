job "shop" {
  affinity = 1
  all_at_once = 1
  constraint = 1
  consul = 1
  consul_token = 1
  dynamic = 1
  id = 1
  migrate = 1
  multiregion = 1
  name = 1
  namespace = 1
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

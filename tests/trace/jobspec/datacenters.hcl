job "a" {
  datacenters = ["east", "west"]
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}
job "b" {
  datacenters = "dc1"
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}
job "c" {
  datacenters = [1]
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}
job "d" {
  datacenters = []
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

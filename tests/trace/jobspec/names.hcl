job "my shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}
job "b" {
  group "../etc" {
    task "web" {
      command = "/srv/web"
    }
  }
  group "" {
    task "web" {
      command = "/srv/web"
    }
  }
  group "ok" {
    task "a/b" {
      command = "/srv/web"
    }
    task ".hidden" {
      command = "/srv/web"
    }
    task "-x" {
      command = "/srv/web"
      user = "root:root"
    }
    task "u" {
      command = "/srv/web"
      user = "root:root"
    }
  }
  group "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" {
    task "web" {
      command = "/srv/web"
    }
  }
}

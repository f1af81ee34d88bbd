job "shop" {
  group "web" {
    restart {}
    restart {}
    task "web" {
      command = "/srv/web"
      env {}
      env {}
    }
    task "web" {
      command = "/srv/web"
    }
  }
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}
job "shop" {
  group "web" {
    task "web" {
      command = "/srv/web"
    }
  }
}

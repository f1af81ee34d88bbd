job "shop" {
  group "web" {
    count: 3
    task "web" {
      command = ["/srv/web" "--port"]
      user    = 'www'
      kill_timeout = 10s
      env { A = 1 B = 2 }
    }
  }
}

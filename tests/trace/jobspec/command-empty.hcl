job "shop" {
  group "web" {
    task "a" {
      command = ""
    }
    task "b" {
      command = []
    }
    task "c" {
      command = ["", "x"]
    }
  }
}

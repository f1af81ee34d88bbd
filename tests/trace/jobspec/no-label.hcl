job {
  group "web" {
    task {
    }
  }
}

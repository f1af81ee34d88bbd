name = "n1" // the node
join = ["10.0.0.1:7370", "10.0.0.2"]
verbose = true
port = 7370
timeout = "1m30s"
meta {
  zone = "b"
}

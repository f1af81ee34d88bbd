job "shop" {
	group "web" {
		meta = { "größe" = "ä", "weite" = [] }
		task "web" {
			command = "/srv/web"
		}
	}
}

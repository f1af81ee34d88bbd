job "shop" "east" {
}

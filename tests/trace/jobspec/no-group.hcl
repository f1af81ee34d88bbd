job "shop" {
}

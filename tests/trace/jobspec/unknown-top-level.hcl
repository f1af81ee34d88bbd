jobs "x" {
}
varible "y" {
}
foo = 1

{
  "job": { "shop": {} }
}

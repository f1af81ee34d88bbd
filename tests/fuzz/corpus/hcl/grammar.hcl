a = 1 + 2 * -3 == 4 && !b || c ? [1, 2.5e3, "x"] : { k = v, (w) : "y" }
b "l" m { c = <<-EOF
    x ${y ~} z $${w} %%{v}
      %{ if a ~} p %{ else } q %{ endif ~}
    %{ for i, j in k }${i}${j}%{ endfor }
  EOF
}
c = [for x in y : x if x > 1]
d = { for k, v in m : k => v... }
e = f(g.h[0].*.i, j[*].k["l"], m...) /* comment */ # another
s = "\n\t\"\\\u00e9\U0001F600 ${"nested ${"deeper"}"}"
größe = null

module talwind.example/cartservice

go 1.24

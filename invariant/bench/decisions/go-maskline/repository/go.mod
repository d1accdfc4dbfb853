module example.org/maskline

go 1.22

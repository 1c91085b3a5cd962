; Adds two numbers.
load 7
add 12
halt 0

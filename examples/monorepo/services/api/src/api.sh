echo "I am api"

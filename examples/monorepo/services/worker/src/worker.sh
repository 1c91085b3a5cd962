echo "I am worker"

#!/bin/sh
# Stands in for a compiler: compile.sh TARGET SOURCE PROGRAM
set -e
mkdir -p "$(dirname "$3")"
{
    echo '#!/bin/sh'
    echo "# for $1, built on ${EZ_NODE_NAME:-this machine}"
    echo "echo \"$(cat "$2")\""
} > "$3"
chmod +x "$3"
echo "built $3 on ${EZ_NODE_NAME:-this machine}"

# Prints the words of main.asm as hexadecimal numbers, after what the board's configuration says.
board=$1 level=$2
. "./boards/$board.conf"
echo "; $board, $memory bytes, level $level"
grep -v '^;' main.asm | while read -r word value; do
  case $word in
    load) code=10 ;;
    add) code=20 ;;
    *) code=ff ;;
  esac
  printf '%s%02x\n' "$code" "$value"
done

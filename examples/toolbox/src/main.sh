# The commands by their names.
command=${1:-help}
[ $# -gt 0 ] && shift
case $command in
    count) words_count "$@" ;;
    longest) words_longest "$@" ;;
    reverse) words_reverse "$@" ;;
    version) say "$VERSION" ;;
    help) say "toolbox count|longest|reverse WORD... | version" ;;
    *) fail "unknown command $command" ;;
esac

# Commands over words.
words_count() { say $#; }
words_longest() {
    longest=
    for word; do
        [ ${#word} -gt ${#longest} ] && longest=$word
    done
    say "$longest"
}
words_reverse() {
    reversed=
    for word; do reversed="$word${reversed:+ $reversed}"; done
    say "$reversed"
}

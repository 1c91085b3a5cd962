# Enough of Markdown for a garden: headings, lists, paragraphs, *emphasis*, [links](to).
function inline(text) {
    while (match(text, /\[[^]]*\]\([^)]*\)/)) {
        link = substr(text, RSTART + 1, RLENGTH - 2)
        split(link, part, /\]\(/)
        text = substr(text, 1, RSTART - 1) "<a href=\"" part[2] "\">" part[1] "</a>" substr(text, RSTART + RLENGTH)
    }
    while (match(text, /\*[^*]+\*/))
        text = substr(text, 1, RSTART - 1) "<em>" substr(text, RSTART + 1, RLENGTH - 2) "</em>" substr(text, RSTART + RLENGTH)
    return text
}
function close_block() {
    if (block != "") print "</" block ">"
    block = ""
}
function open_block(name) {
    if (block != name) {
        close_block()
        print "<" name ">"
        block = name
    }
}
/^#+ / {
    close_block()
    level = index($0, " ") - 1
    print "<h" level ">" inline(substr($0, level + 2)) "</h" level ">"
    next
}
/^- / { open_block("ul"); print "<li>" inline(substr($0, 3)) "</li>"; next }
/^$/ { close_block(); next }
{ open_block("p"); print inline($0) }
END { close_block() }

# What every module may use to speak.
say() { printf '%s\n' "$*"; }
fail() { printf 'toolbox: %s\n' "$*" >&2; exit 1; }

#!/bin/sh
# Gets VS Code as code-server, and a browser to open it in, into a directory. Needs npm and a compiler; on Debian, as root, it gets
# the packages, too.
set -eu
place=${1:?usage: install.sh DIRECTORY}
version=4.100.3
mkdir -p "$place"
cd "$place"
place=$PWD

if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core ripgrep \
        make g++ pkg-config python3 libkrb5-dev libx11-dev libxkbfile-dev libsecret-1-dev > /dev/null
fi

# Its own installer wants to run scripts that load programs from elsewhere; what is needed of them is done here.
[ -f package.json ] || npm init -y > /dev/null
npm install --no-audit --no-fund --loglevel=error --ignore-scripts "code-server@$version" playwright-core
npm rebuild --loglevel=error argon2 > /dev/null
cd node_modules/code-server/lib/vscode
npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
for native in node-pty native-watchdog; do
    # That of node-pty ends with an error after it has built everything that is used. Without spdlog no log files are written.
    timeout 180 npm rebuild --loglevel=silent "$native" > /dev/null 2>&1 || true
done
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
ln -sfn node_modules node_modules.asar
ln -sf code-linux.sh bin/remote-cli/code-server
ln -sf browser-linux.sh bin/helpers/browser.sh
cd extensions
npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$version" > "$place/installed"

//! The extension in VS Code itself, which runs as code-server with a browser without a screen. What it does there is told by the
//! tests in `vscode-extension/test/host/`.
//!
//! Tested where `ez code-server` got what it needs into `dep/`; where `EZ_CODE_SERVER` names such a directory, it must be there.

#![cfg(unix)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

use ez_tests::program;

/// Names the directory, and says that it must be there.
const CODE_SERVER_VARIABLE: &str = "EZ_CODE_SERVER";

fn code_server() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os(CODE_SERVER_VARIABLE) {
        return Some(chosen.into());
    }
    let repository = program::repository();
    let usual = repository.join("dep/code-server");
    let is_ready =
        usual.join("installed").is_file() && repository.join("vscode-extension/node_modules").is_dir();
    is_ready.then_some(usual)
}

#[test]
fn the_extension_does_what_its_own_tests_tell() {
    let Some(code_server) = code_server() else { return };
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "test:host"]).current_dir(program::repository().join("vscode-extension"));
    npm.env(CODE_SERVER_VARIABLE, code_server).env("EZ_PROGRAM", program::ez());
    let output = npm.output().expect("npm");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains(" tests in VS Code, 0 failed"), "{told}\n{errors}");
}

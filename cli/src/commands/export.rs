//! `ez export`: a folder task as one file.

use ez_compiler::Purpose;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use ez_runner::package::export::Packing;
use ez_runner::package::{Contents, EXTENSION, Limits, PackageError, TASKS};
use serde::Serialize;

use super::{Context, Outcome};
use crate::args::ez::Export;
use crate::args::invocation::Options;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::{byte_count, packaged};

/// Stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// What was packed, in JSON.
#[derive(Serialize)]
struct Exported<'a> {
    name: &'a str,
    file: &'a str,
    files: usize,
    bytes: u64,
}

/// Packs a folder task. The package appears under its name when it is complete.
pub fn run(context: &Context, options: &Options, request: &Export) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let folder = project.root().join(TASKS).join(&request.name);
    let fail = |error: &PackageError| {
        Failure::new(Code::OTHER, format!("ez: cannot export `{}`: {error}", request.name))
    };
    let limits = Limits::default();
    if !folder.is_dir() {
        return Err(Failure::new(
            Code::OTHER,
            format!("ez: there is no folder task `{TASKS}/{}`", request.name),
        ));
    }
    let packing = Packing::of(folder.as_std_path(), &request.name, env!("CARGO_PKG_VERSION"), &limits)
        .map_err(|error| fail(&error))?;
    packaged::check(context, &project, &folder, &folder)?;
    let default = format!("{}{EXTENSION}", request.name);
    let file = request.output.as_deref().unwrap_or(&default);
    let contents = if file == STANDARD_OUTPUT {
        packing.write(io::stdout().lock()).map_err(|error| fail(&error))?
    } else {
        write(&packing, &context.environment.absolute(file), &folder, &fail)?
    };
    report(context, request, file, contents)
}

fn write(
    packing: &Packing,
    path: &Utf8PathBuf,
    folder: &Utf8Path,
    fail: &dyn Fn(&PackageError) -> Failure,
) -> Result<Contents, Failure> {
    let cannot = |error: &io::Error| {
        Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", plain_message(error)))
    };
    let directory = path.parent().unwrap_or(path);
    if directory
        .canonicalize_utf8()
        .is_ok_and(|directory| folder.canonicalize_utf8().is_ok_and(|folder| directory.starts_with(folder)))
    {
        let message = format!("ez: cannot write {path}: it would be in the folder that it packs");
        return Err(Failure::new(Code::OTHER, message));
    }
    let mut file = tempfile::Builder::new()
        .prefix(".ez-export-")
        .tempfile_in(directory)
        .map_err(|error| cannot(&error))?;
    let contents = packing.write(io::BufWriter::new(file.as_file_mut())).map_err(|error| fail(&error))?;
    file.as_file_mut().flush().and_then(|()| readable(file.as_file())).map_err(|error| cannot(&error))?;
    file.persist(path).map_err(|error| cannot(&error.error))?;
    Ok(contents)
}

/// Packages are for others too; files in the making are for nobody else.
fn readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn report(context: &Context, request: &Export, file: &str, contents: Contents) -> Outcome {
    let Contents { entries, bytes } = contents;
    let is_free = file != STANDARD_OUTPUT;
    if request.json && is_free {
        let exported = Exported { name: &request.name, file, files: entries, bytes };
        let json = serde_json::to_string_pretty(&exported)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    let place = if is_free {
        format!("exported `{}` to {file}", request.name)
    } else {
        format!("exported `{}`", request.name)
    };
    let size = amount(entries, bytes);
    context.logger.err(Color::Green, &format!("ez: {place} ({size})\n"));
    Ok(())
}

/// How much is in a package, in words.
pub fn amount(entries: usize, bytes: u64) -> String {
    let files = if entries == 1 { "file" } else { "files" };
    format!("{entries} {files}, {}", byte_count::text(bytes))
}

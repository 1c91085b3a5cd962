//! Making a package of a folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::manifest::{FORMAT, File, Link, Manifest, Mode};
use super::{Contents, Fault, LEFT_OUT, Limits, MANIFEST, PackageError, disk, path};

/// How hard is compressed: as much as goes.
const COMPRESSION: u32 = 9;
/// The byte of the compressed file for an operating system that is not told.
const UNKNOWN_SYSTEM: u8 = 255;
/// How much is read at a time, bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// A folder that can be packed: what is in it is known and allowed.
#[derive(Debug)]
pub struct Packing {
    folder: PathBuf,
    manifest: Manifest,
}

impl Packing {
    /// Looks at a folder, for a task of this name, packed by this version of EZ.
    ///
    /// # Errors
    /// Something in it may not be in a package, or cannot be read.
    pub fn of(folder: &Path, name: &str, ez: &str, limits: &Limits) -> Result<Self, PackageError> {
        let mut manifest = Manifest {
            format: FORMAT,
            name: name.to_owned(),
            ez: ez.to_owned(),
            files: Vec::new(),
            links: Vec::new(),
        };
        collect(folder, "", &mut manifest, limits)?;
        manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.links.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.check(limits)?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// What will be in the package.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes the package.
    ///
    /// # Errors
    /// A file changed since it was looked at, or something cannot be read or written.
    pub fn write(&self, output: impl Write) -> Result<Contents, PackageError> {
        let written = |error| PackageError::Disk { path: PathBuf::from(MANIFEST), source: error };
        let compressed = GzBuilder::new()
            .mtime(0)
            .operating_system(UNKNOWN_SYSTEM)
            .write(output, Compression::new(COMPRESSION));
        let mut archive = tar::Builder::new(compressed);
        let text = self.manifest.write()?;
        let header = header_of(MANIFEST, EntryType::Regular, Mode::Plain, text.len() as u64)?;
        archive.append(&header, text.as_slice()).map_err(written)?;
        for file in &self.manifest.files {
            self.append_file(&mut archive, file)?;
        }
        for link in &self.manifest.links {
            let mut header = header_of(&self.entry(&link.path), EntryType::Symlink, Mode::Plain, 0)?;
            header
                .set_link_name_literal(&link.target)
                .map_err(|_| PackageError::entry(&link.path, Fault::TooLong))?;
            header.set_cksum();
            archive.append(&header, io::empty()).map_err(disk(&link.path))?;
        }
        archive
            .into_inner()
            .and_then(flate2::write::GzEncoder::finish)
            .map_err(written)?
            .flush()
            .map_err(written)?;
        Ok(self.manifest.contents())
    }

    /// The path of an entry in the archive: everything is in one folder.
    fn entry(&self, path: &str) -> String {
        format!("{}/{path}", self.manifest.name)
    }

    fn append_file<W: Write>(&self, archive: &mut tar::Builder<W>, file: &File) -> Result<(), PackageError> {
        let path = self.folder.join(&file.path);
        let changed = || PackageError::entry(&file.path, Fault::Changed);
        let opened = open(&path).map_err(disk(&path))?;
        let mut reader = Hashing { inner: opened.take(file.size), hash: Sha256::new(), length: 0 };
        let header = header_of(&self.entry(&file.path), EntryType::Regular, file.mode, file.size)?;
        archive.append(&header, &mut reader).map_err(disk(&path))?;
        let is_same = reader.length == file.size && hexadecimal(&reader.hash.finalize()) == file.sha256;
        if is_same { Ok(()) } else { Err(changed()) }
    }
}

/// Adds what is in a directory. `below` is its path in the folder, with a `/` at its end where it is not the folder itself.
fn collect(folder: &Path, below: &str, manifest: &mut Manifest, limits: &Limits) -> Result<(), PackageError> {
    let directory = folder.join(below);
    for entry in fs::read_dir(&directory).map_err(disk(&directory))? {
        let entry = entry.map_err(disk(&directory))?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == **left_out) {
            continue;
        }
        let Some(name) = name.to_str() else {
            return Err(PackageError::entry(format!("{below}{}", name.display()), Fault::NotUtf8));
        };
        let inside = format!("{below}{name}");
        path::check(&inside).map_err(|fault| PackageError::entry(&inside, fault))?;
        let place = entry.path();
        let metadata = fs::symlink_metadata(&place).map_err(disk(&place))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            collect(folder, &format!("{inside}/"), manifest, limits)?;
            continue;
        }
        if manifest.files.len() + manifest.links.len() >= limits.entries {
            return Err(PackageError::TooMany(limits.entries));
        }
        if kind.is_symlink() {
            let target = fs::read_link(&place).map_err(disk(&place))?;
            let target = target.to_str().ok_or_else(|| PackageError::entry(&inside, Fault::NotUtf8))?;
            manifest.links.push(Link { path: inside, target: target.to_owned() });
        } else if kind.is_file() {
            let (sha256, size) = hash(&place, &inside, limits)?;
            manifest.files.push(File { path: inside, size, mode: Mode::of_bits(metadata.mode()), sha256 });
        } else {
            return Err(PackageError::entry(inside, Fault::Kind(word(kind))));
        }
    }
    Ok(())
}

fn word(kind: fs::FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// A file itself, not where a link at its place leads.
fn open(path: &Path) -> io::Result<fs::File> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn hash(place: &Path, inside: &str, limits: &Limits) -> Result<(String, u64), PackageError> {
    let file = open(place).map_err(disk(place))?;
    let mut reader = Hashing { inner: file.take(limits.file_bytes + 1), hash: Sha256::new(), length: 0 };
    io::copy(&mut reader, &mut io::sink()).map_err(disk(place))?;
    if reader.length > limits.file_bytes {
        return Err(PackageError::entry(inside, Fault::TooLarge(limits.file_bytes)));
    }
    Ok((hexadecimal(&reader.hash.finalize()), reader.length))
}

/// A header with nothing of the machine in it.
fn header_of(path: &str, kind: EntryType, mode: Mode, size: u64) -> Result<Header, PackageError> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|_| PackageError::entry(path, Fault::TooLong))?;
    header.set_entry_type(kind);
    header.set_mode(mode.bits());
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Tells hash and length of what is read through it.
pub(super) struct Hashing<R> {
    pub(super) inner: R,
    pub(super) hash: Sha256,
    pub(super) length: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(BUFFER_BYTES);
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.length += count as u64;
        Ok(count)
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // A `String` takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! Contents on their way: many in one stream, small and large ones, each compressed where that helps.
//!
//! ```text
//! stream  = content*
//! content = digest (32 bytes), length (8 bytes, little endian), offset (8 bytes), piece*   until `length` is reached, from `offset` on
//! piece   = form (1 byte: 0 as it is, 1 zstd), length (4 bytes), bytes                     at most 1 MiB, before and after compression
//! ```
//!
//! Who receives it believes nothing: lengths have limits, and a content counts when its digest was computed anew.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content_store::{ContentStore, Damaged, Incoming, Large};
use super::digest::{DIGEST_BYTES, Digest, Hasher};

/// The most bytes of a piece.
pub const MAX_PIECE_BYTES: usize = 1 << 20;

/// The most bytes of a content.
pub const MAX_CONTENT_BYTES: u64 = 64 << 30;

/// Level of the compression: the fastest.
const LEVEL: i32 = 1;

/// After so many bytes it is looked whether the disk has space for more.
const CHECKED_BYTES: u64 = 16 << 20;

const AS_IT_IS: u8 = 0;
const ZSTD: u8 = 1;

/// What is taken of a content that is too short to be worth compressing.
const MIN_COMPRESSED_BYTES: usize = 128;

/// Whether pieces are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// None: the way is short.
    Off,
    /// Where it makes them smaller.
    Fast,
}

/// A content that is wanted, from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub digest: Digest,
    /// How much of it is there already.
    pub offset: u64,
}

/// Writes contents into a stream.
pub struct StreamWriter<W> {
    to: W,
    compression: Compression,
    piece: Vec<u8>,
    /// How many bytes were written.
    pub written: u64,
}

impl<W: Write> StreamWriter<W> {
    /// Into something.
    pub fn new(to: W, compression: Compression) -> Self {
        Self { to, compression, piece: vec![0; MAX_PIECE_BYTES], written: 0 }
    }

    /// Writes a content of a known length, of which `from` gives what is behind the offset.
    ///
    /// # Errors
    /// It cannot be read or written, or has another length by now.
    pub fn write(
        &mut self,
        digest: &Digest,
        length: u64,
        offset: u64,
        from: &mut impl Read,
    ) -> io::Result<()> {
        self.put(&digest.0)?;
        self.put(&length.to_le_bytes())?;
        self.put(&offset.to_le_bytes())?;
        let mut left = length.saturating_sub(offset);
        let mut compression = self.compression;
        while left > 0 {
            let next = usize::try_from(left).unwrap_or(MAX_PIECE_BYTES).min(MAX_PIECE_BYTES);
            let mut piece = std::mem::take(&mut self.piece);
            let written = piece.get_mut(..next).map_or(Ok(()), |piece| {
                from.read_exact(piece)?;
                self.write_piece(piece, &mut compression)
            });
            self.piece = piece;
            written?;
            left -= next as u64;
        }
        Ok(())
    }

    fn write_piece(&mut self, piece: &[u8], compression: &mut Compression) -> io::Result<()> {
        if *compression == Compression::Fast && piece.len() >= MIN_COMPRESSED_BYTES {
            let compressed = zstd::bulk::compress(piece, LEVEL)?;
            if compressed.len() < piece.len() / 8 * 7 {
                return self.put_piece(ZSTD, &compressed);
            }
            // What does not get smaller here will not further on: it is compressed already.
            *compression = Compression::Off;
        }
        self.put_piece(AS_IT_IS, piece)
    }

    fn put_piece(&mut self, form: u8, bytes: &[u8]) -> io::Result<()> {
        self.put(&[form])?;
        self.put(&(bytes.len() as u32).to_le_bytes())?;
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Writes contents of a store, and notices those that are damaged.
///
/// # Errors
/// One is not there or damaged, or the stream cannot be written.
pub fn send<W: Write>(
    store: &ContentStore,
    wanted: &[Wanted],
    to: W,
    compression: Compression,
) -> io::Result<W> {
    let mut writer = StreamWriter::new(to, compression);
    for wanted in wanted {
        let (file, length) = store.read(&wanted.digest)?;
        let mut hashed = Hashed { from: file, hasher: Hasher::default() };
        let skipped = io::copy(&mut (&mut hashed).take(wanted.offset), &mut io::sink())?;
        if skipped != wanted.offset {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the offset is behind the end"));
        }
        writer.write(&wanted.digest, length, wanted.offset, &mut hashed)?;
        if hashed.hasher.digest() != wanted.digest {
            return Err(store.damaged(&wanted.digest));
        }
    }
    writer.end()
}

struct Hashed<R> {
    from: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.hasher.add(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// What came with a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// How many contents.
    pub contents: u64,
    /// How many bytes they have, without what was there before.
    pub bytes: u64,
}

/// Why a stream is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It ends early, or the connection broke. What came whole is kept.
    #[error("the stream breaks off: {0}")]
    Broken(#[source] io::Error),
    /// It says something that cannot be.
    #[error("the stream is none: {0}")]
    Malformed(&'static str),
    /// A content is not what its digest says.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// It cannot be kept.
    #[error("a content cannot be kept: {0}")]
    Store(#[source] io::Error),
}

/// Takes a stream into a store, to its end: a damaged content does not keep others from being taken.
///
/// # Errors
/// Something in it is refused; what was taken is kept.
pub fn receive(store: &ContentStore, from: &mut impl Read) -> Result<Received, ReceiveError> {
    let mut received = Received::default();
    let mut incoming = store.begin();
    let mut reader = StreamReader::new(from);
    let mut damaged = None;
    // How much more may come before the disk is looked at again.
    let mut unchecked = 0;
    while let Some(head) = reader.head()? {
        if head.left() > unchecked {
            unchecked = head.left().max(CHECKED_BYTES);
            store.check_space(unchecked).map_err(ReceiveError::Store)?;
        }
        unchecked -= head.left();
        let is_small = head.offset == 0 && head.length <= MAX_PIECE_BYTES as u64;
        let taken = if store.has(&head.digest) {
            reader.skip(head.left())
        } else if is_small {
            receive_small(&mut reader, &mut incoming, &head)
        } else {
            receive_large(&mut reader, &mut incoming, &head)
        };
        match taken {
            Ok(()) => {
                received.contents += 1;
                received.bytes += head.left();
            }
            Err(ReceiveError::Damaged(content)) => damaged = Some(content),
            Err(error) => return Err(error),
        }
    }
    incoming.commit().map_err(ReceiveError::Store)?;
    damaged.map_or(Ok(received), |damaged| Err(damaged.into()))
}

fn receive_small<R: Read>(
    reader: &mut StreamReader<'_, R>,
    incoming: &mut Incoming<'_>,
    head: &Head,
) -> Result<(), ReceiveError> {
    let mut content = Vec::with_capacity(head.length as usize);
    while (content.len() as u64) < head.length {
        let piece = reader.piece(head.length - content.len() as u64)?;
        content.extend_from_slice(piece);
    }
    if Digest::of(&content) != head.digest {
        return Err(Damaged(head.digest).into());
    }
    incoming.take(head.digest, &content).map_err(ReceiveError::Store)
}

fn receive_large<R: Read>(
    reader: &mut StreamReader<'_, R>,
    incoming: &mut Incoming<'_>,
    head: &Head,
) -> Result<(), ReceiveError> {
    let mut large = incoming.begin_large(head.digest, head.offset).map_err(ReceiveError::Store)?;
    match fill(reader, &mut large, head) {
        Ok(()) => incoming.end_large(large).map_err(|error| {
            let damaged = error.get_ref().and_then(|inner| inner.downcast_ref::<Damaged>()).copied();
            damaged.map_or(ReceiveError::Store(error), ReceiveError::Damaged)
        }),
        Err(error) => {
            large.abandon();
            Err(error)
        }
    }
}

fn fill<R: Read>(
    reader: &mut StreamReader<'_, R>,
    large: &mut Large,
    head: &Head,
) -> Result<(), ReceiveError> {
    while large.length() < head.length {
        let piece = reader.piece(head.length - large.length())?;
        large.add(piece).map_err(ReceiveError::Store)?;
    }
    Ok(())
}

/// What a content begins with.
struct Head {
    digest: Digest,
    length: u64,
    offset: u64,
}

impl Head {
    fn left(&self) -> u64 {
        self.length - self.offset
    }
}

struct StreamReader<'r, R> {
    from: &'r mut R,
    sent: Vec<u8>,
    content: Vec<u8>,
}

impl<'r, R: Read> StreamReader<'r, R> {
    fn new(from: &'r mut R) -> Self {
        Self { from, sent: Vec::new(), content: Vec::new() }
    }

    /// The beginning of the next content; `None` at the end.
    fn head(&mut self) -> Result<Option<Head>, ReceiveError> {
        let mut bytes = [0; DIGEST_BYTES + 16];
        let (first, rest) = bytes.split_at_mut(1);
        loop {
            match self.from.read(first) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReceiveError::Broken(error)),
            }
        }
        self.from.read_exact(rest).map_err(ReceiveError::Broken)?;
        let parts = bytes.split_first_chunk().and_then(|(digest, rest)| {
            let (length, rest) = rest.split_first_chunk()?;
            Some((Digest(*digest), u64::from_le_bytes(*length), u64::from_le_bytes(rest.try_into().ok()?)))
        });
        let (digest, length, offset) = parts.ok_or(ReceiveError::Malformed("a content has no beginning"))?;
        if length > MAX_CONTENT_BYTES {
            return Err(ReceiveError::Malformed("a content is too long"));
        }
        if offset > length {
            return Err(ReceiveError::Malformed("an offset is behind the end"));
        }
        Ok(Some(Head { digest, length, offset }))
    }

    /// The next piece, of which there are at most so many bytes.
    fn piece(&mut self, left: u64) -> Result<&[u8], ReceiveError> {
        let mut head = [0; 5];
        self.from.read_exact(&mut head).map_err(ReceiveError::Broken)?;
        let [form, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 || length > MAX_PIECE_BYTES {
            return Err(ReceiveError::Malformed("a piece is too long, or empty"));
        }
        self.sent.resize(length, 0);
        self.from.read_exact(&mut self.sent).map_err(ReceiveError::Broken)?;
        let piece = match form {
            AS_IT_IS => &self.sent,
            ZSTD => {
                self.content = zstd::bulk::decompress(&self.sent, MAX_PIECE_BYTES)
                    .map_err(|_| ReceiveError::Malformed("a piece cannot be decompressed"))?;
                &self.content
            }
            _ => return Err(ReceiveError::Malformed("a piece has no known form")),
        };
        if piece.is_empty() || piece.len() as u64 > left {
            return Err(ReceiveError::Malformed("a content is longer than it says"));
        }
        Ok(piece)
    }

    fn skip(&mut self, mut left: u64) -> Result<(), ReceiveError> {
        while left > 0 {
            left -= self.piece(left)?.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::{
        Compression, ContentStore, Digest, MAX_PIECE_BYTES, ReceiveError, Received, StreamWriter, Wanted,
        receive, send,
    };

    fn store() -> (tempfile::TempDir, ContentStore) {
        let place = tempfile::tempdir().unwrap();
        let store = ContentStore::open(place.path().join("content")).unwrap();
        (place, store)
    }

    /// Contents of every kind: empty, small, of more than one piece; that shrink and that do not.
    fn contents() -> Vec<Vec<u8>> {
        let chance: Vec<u8> =
            (0..3_000_000_u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
        vec![Vec::new(), b"x".to_vec(), vec![7; 200], chance, vec![0; MAX_PIECE_BYTES + 1]]
    }

    fn stream(contents: &[Vec<u8>], compression: Compression) -> Vec<u8> {
        let mut writer = StreamWriter::new(Vec::new(), compression);
        for content in contents {
            writer.write(&Digest::of(content), content.len() as u64, 0, &mut content.as_slice()).unwrap();
        }
        writer.end().unwrap()
    }

    #[test]
    fn contents_arrive() {
        let plain = stream(&contents(), Compression::Off);
        let packed = stream(&contents(), Compression::Fast);
        assert!(packed.len() < plain.len() - MAX_PIECE_BYTES);
        for stream in [plain, packed] {
            let (_place, store) = store();
            let bytes = contents().iter().map(|content| content.len() as u64).sum();
            let received = Received { contents: 5, bytes };
            assert_eq!(receive(&store, &mut stream.as_slice()).unwrap(), received);
            for content in contents() {
                assert_eq!(store.read_all(&Digest::of(&content), u64::MAX).unwrap(), content);
            }
            // Once more does no harm.
            assert_eq!(receive(&store, &mut stream.as_slice()).unwrap(), received);
        }
    }

    #[test]
    fn a_stream_that_breaks_off_goes_on_there() {
        let (_place, store) = store();
        let (small, large) = (b"small".to_vec(), contents()[3].clone());
        let whole = stream(&[small.clone(), large.clone()], Compression::Off);
        let mut cut = whole.as_slice().take(2_500_000);
        assert!(matches!(receive(&store, &mut cut), Err(ReceiveError::Broken(_))));
        let digest = Digest::of(&large);
        assert!(store.has(&Digest::of(&small)) && !store.has(&digest));
        let offset = store.partial_bytes(&digest);
        assert_eq!(offset, 2 * MAX_PIECE_BYTES as u64);
        let mut writer = StreamWriter::new(Vec::new(), Compression::Fast);
        writer.write(&digest, large.len() as u64, offset, &mut &large[offset as usize..]).unwrap();
        let rest = writer.end().unwrap();
        let received = receive(&store, &mut rest.as_slice()).unwrap();
        assert_eq!(received, Received { contents: 1, bytes: large.len() as u64 - offset });
        assert_eq!(store.read_all(&digest, u64::MAX).unwrap(), large);
    }

    #[test]
    fn what_is_not_its_digest_is_refused() {
        for content in [b"right".to_vec(), contents()[3].clone()] {
            let (_place, store) = store();
            let mut bytes = stream(&[b"before".to_vec(), content.clone()], Compression::Off);
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            assert!(matches!(receive(&store, &mut bytes.as_slice()), Err(ReceiveError::Damaged(_))));
            assert!(store.has(&Digest::of(b"before")) && !store.has(&Digest::of(&content)));
        }
    }

    #[test]
    fn damage_on_the_disk_is_noticed_when_it_is_sent() {
        let (_place, store) = store();
        let digest = store.put(b"hello").unwrap();
        let wanted = [Wanted { digest, offset: 2 }];
        assert!(send(&store, &wanted, Vec::new(), Compression::Off).is_ok());
        std::fs::write(store.path(&digest), b"jello").unwrap();
        assert!(send(&store, &wanted, Vec::new(), Compression::Off).is_err());
        assert!(!store.has(&digest));
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        let (_place, store) = store();
        let mut head = Digest::of(b"x").0.to_vec();
        head.extend(u64::MAX.to_le_bytes());
        head.extend(0_u64.to_le_bytes());
        assert!(matches!(receive(&store, &mut head.as_slice()), Err(ReceiveError::Malformed(_))));
        let bomb = zstd::bulk::compress(&vec![0; MAX_PIECE_BYTES * 8], 1).unwrap();
        let mut stream = Digest::of(b"x").0.to_vec();
        stream.extend((MAX_PIECE_BYTES as u64 * 8).to_le_bytes());
        stream.extend(0_u64.to_le_bytes());
        stream.push(1);
        stream.extend((bomb.len() as u32).to_le_bytes());
        stream.extend(bomb);
        assert!(matches!(receive(&store, &mut stream.as_slice()), Err(ReceiveError::Malformed(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (_place, store) = store();
            let _ = receive(&store, &mut bytes.as_slice());
        }
    }
}

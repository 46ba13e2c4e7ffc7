//! The file to be imported: its format and compression by name, its bytes counted and hashed on the way.

use crate::exit::Failure;
use anyhow::Context;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 256 * 1024;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header, then a record a row.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A file and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    /// How rows are written.
    pub format: Format,
    compression: Compression,
}

impl Source {
    /// Format and compression by the file's name: `.csv`, `.ndjson`, `.jsonl`, each plain, `.gz` or `.zst`.
    pub fn of_path(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (stem, compression) = match name.rsplit_once('.') {
            Some((stem, "gz")) => (stem, Compression::Gzip),
            Some((stem, "zst")) => (stem, Compression::Zstd),
            _ => (name.as_str(), Compression::None),
        };
        let format = match stem.rsplit_once('.') {
            Some((_, "csv")) => Format::Csv,
            Some((_, "ndjson" | "jsonl")) => Format::Ndjson,
            _ => {
                let rule = "must end in .csv, .ndjson or .jsonl, or in one of them and .gz or .zst";
                return Err(Failure::usage(format!("{}: the name {rule}", path.display())));
            }
        };
        Ok(Self { path: path.to_owned(), format, compression })
    }

    /// Where rejected rows go: beside the file, named after it.
    pub fn rejected_path(&self) -> PathBuf {
        self.beside(match self.format {
            Format::Csv => ".rejected.csv",
            Format::Ndjson => ".rejected.ndjson",
        })
    }

    /// Where it stands how far an import is: beside the file too.
    pub fn progress_path(&self) -> PathBuf {
        self.beside(".progress.json")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// The size on disk.
    pub fn bytes(&self) -> anyhow::Result<u64> {
        let metadata = std::fs::metadata(&self.path);
        Ok(metadata.with_context(|| format!("reading {}", self.path.display()))?.len())
    }

    /// The decompressed bytes; `progress` is told how many were read from disk.
    pub fn open(
        &self,
        progress: impl FnMut(u64) + Send + 'static,
    ) -> anyhow::Result<Box<dyn BufRead + Send>> {
        let file = File::open(&self.path).with_context(|| format!("opening {}", self.path.display()))?;
        let counted = BufReader::with_capacity(BUFFER_BYTES, Counted { inner: file, progress });
        let plain: Box<dyn Read + Send> = match self.compression {
            Compression::None => return Ok(Box::new(counted)),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
            Compression::Zstd => Box::new(zstd::Decoder::with_buffer(counted)?),
        };
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)))
    }
}

struct Counted<R, F> {
    inner: R,
    progress: F,
}

impl<R: Read, F: FnMut(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        (self.progress)(count as u64);
        Ok(count)
    }
}

/// Hashes what passes through it.
pub struct Hashed<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Hashed<R> {
    /// Nothing has passed yet.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    /// Reads what is left, and returns the SHA-256 of everything.
    pub fn finish(mut self) -> io::Result<[u8; 32]> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hasher.finalize().into())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn name_tells_format_and_compression() {
        let of =
            |name: &str| Source::of_path(Path::new(name)).map(|source| (source.format, source.compression));
        assert_eq!(of("dir/a.csv").unwrap(), (Format::Csv, Compression::None));
        assert_eq!(of("A.CSV.GZ").unwrap(), (Format::Csv, Compression::Gzip));
        assert_eq!(of("a.jsonl.zst").unwrap(), (Format::Ndjson, Compression::Zstd));
        assert_eq!(of("a.ndjson").unwrap(), (Format::Ndjson, Compression::None));
        for bad in ["a.parquet", "csv", "a.gz", ""] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rejected_rows_go_beside_the_file() {
        let source = Source::of_path(Path::new("dir/usage.csv.gz")).unwrap();
        assert_eq!(source.rejected_path(), Path::new("dir/usage.csv.gz.rejected.csv"));
        assert_eq!(source.progress_path(), Path::new("dir/usage.csv.gz.progress.json"));
        let lines = Source::of_path(Path::new("usage.jsonl")).unwrap();
        assert_eq!(lines.rejected_path(), Path::new("usage.jsonl.rejected.ndjson"));
    }

    #[test]
    fn every_compression_gives_the_same_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let text = b"a,b\r\n1,2".repeat(100_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let files = [
            ("a.csv", text.clone()),
            ("a.csv.gz", gzip.finish().unwrap()),
            ("a.csv.zst", zstd::encode_all(text.as_slice(), 1).unwrap()),
        ];
        for (name, bytes) in files {
            let path = directory.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            let source = Source::of_path(&path).unwrap();
            let (sender, receiver) = std::sync::mpsc::sync_channel(1_000);
            let mut read = Vec::new();
            source.open(move |count| sender.send(count).unwrap()).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, text, "{name}");
            assert_eq!(receiver.iter().sum::<u64>(), bytes.len() as u64, "{name}");
        }
    }

    /// From the standard's example: SHA-256 of "abc".
    #[test]
    fn the_hash_covers_what_was_read_and_what_was_left() {
        let mut hashed = Hashed::new(b"abc".as_slice());
        hashed.read_exact(&mut [0]).unwrap();
        assert_eq!(hashed.finish().unwrap()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}

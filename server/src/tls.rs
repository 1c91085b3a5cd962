//! TLS: the certificate of a server, and whom a client trusts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore, ServerConfig};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The longest file of certificates or keys that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificate of a server and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its root, in PEM.
    pub cert: PathBuf,
    /// The key, in PEM.
    pub key: PathBuf,
}

/// What is wrong with certificates and keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Io(String, #[source] io::Error),
    /// A file has not what it should have.
    #[error("{0} has no {1} in PEM (`-----BEGIN {2}-----`)")]
    Lacks(String, &'static str, &'static str),
    /// A file is not PEM.
    #[error("{0} is no PEM file: {1}")]
    Pem(String, String),
    /// A key needs a password, which nobody is here to say.
    #[error(
        "the key {0} is encrypted: write it without a password, as `openssl pkey -in {0}` does, into a file for its owner alone"
    )]
    Encrypted(String),
    /// Everybody on the machine can read the key.
    #[error("{path} can be read by everybody (mode {mode:o}): say `chmod 600 {path}`")]
    OpenKey {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// They do not belong together.
    #[error("the key {key} does not belong to the certificate {cert}")]
    OtherKey {
        /// The certificate.
        cert: String,
        /// The key.
        key: String,
    },
    /// Its time is over.
    #[error("the certificate {0} has expired: renew it")]
    Expired(String),
    /// Its time has not come.
    #[error(
        "the certificate {0} counts only from a later time: look at it, and at the clock of this machine"
    )]
    NotYet(String),
    /// The library refuses.
    #[error("{0} cannot be used: {1}")]
    Refused(String, String),
}

/// Stands in a key that has a password, in both forms that there are (RFC 7468, 11; RFC 1421, 4.6.1.1).
const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// What the library calls a certificate of an authority that a server uses for itself.
const AUTHORITY_OF_A_SERVER: &str = "CaUsedAsEndEntity";

/// How long a server may say nothing and take nothing: a connection that was cut without a word is given up then. Streams of events are never silent for so long.
const SILENCE: Duration = Duration::from_mins(1);

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(30);

/// What the libraries say, as they call it, and in words.
const IN_WORDS: [(&str, &str); 6] = [
    ("timeout: per read", "it has said nothing for a minute"),
    ("timeout: per write", "it has taken nothing for a minute"),
    ("timeout: connect", "it cannot be reached"),
    (
        AUTHORITY_OF_A_SERVER,
        "its certificate is that of an authority (CA:TRUE), which counts for no server: make one with `basicConstraints=CA:FALSE`",
    ),
    (
        "UnknownIssuer",
        "nobody who is trusted vouches for its certificate: name who does with --ca FILE, or EZ_SERVER_CA",
    ),
    (
        "NotValidForName",
        "its certificate is that of another name: ask it by the name for which that was made",
    ),
];

/// Why there is no answer, in words where there are some.
pub fn in_words(error: &str) -> String {
    let known = IN_WORDS.iter().find(|(name, _)| error.contains(name));
    known.map_or(error, |(_, words)| words).to_owned()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let io = |error| TlsError::Io(path.display().to_string(), error);
    if fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        return Err(io(io::Error::other("it is too long")));
    }
    fs::read(path).map_err(io)
}

fn of_pem(path: &Path, error: &pem::Error, what: &'static str, label: &'static str) -> TlsError {
    let shown = path.display().to_string();
    match error {
        pem::Error::NoItemsFound => TlsError::Lacks(shown, what, label),
        error => TlsError::Pem(shown, error.to_string()),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let bad = |error: &pem::Error| of_pem(path, error, "certificate", "CERTIFICATE");
    let found = found.map_err(|error| bad(&error))?;
    if found.is_empty() { Err(bad(&pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use std::os::unix::fs::PermissionsExt;
    let text = read(path)?;
    let metadata = fs::metadata(path).map_err(|error| TlsError::Io(path.display().to_string(), error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(TlsError::OpenKey { path: path.display().to_string(), mode });
    }
    if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
        return Err(TlsError::Encrypted(path.display().to_string()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| of_pem(path, &error, "key", "PRIVATE KEY"))
}

/// What accepts connections with a certificate.
///
/// # Errors
/// Certificate or key cannot be used.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let (cert, own_key) = (files.cert.display().to_string(), files.key.display().to_string());
    let chain = certificates(&files.cert)?;
    check_time(&chain, &cert)?;
    let refused = |error: rustls::Error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { cert: cert.clone(), key: own_key.clone() },
        error => TlsError::Refused(cert.clone(), error.to_string()),
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key(&files.key)?)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reads certificate and key again whenever their files have changed. One that cannot be used is told of, and that before it goes on to be used.
pub async fn follow(files: TlsFiles, acceptor: watch::Sender<TlsAcceptor>) {
    let mut used = state(&files);
    let mut last = used;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = state(&files);
        // Two files are not changed at once: what still changes is looked at later.
        if now != used && now == last {
            used = now;
            match self::acceptor(&files) {
                Ok(read) => {
                    acceptor.send_replace(read);
                    eprintln!(
                        "ez: the certificate {} was changed, and is used from now on",
                        files.cert.display()
                    );
                    if let Ok(Some(warning)) = warning(&files) {
                        eprintln!("ez: {warning}");
                    }
                }
                Err(error) => eprintln!("ez: {error}; the certificate before it is still used"),
            }
        }
        last = now;
    }
}

/// What tells that a file or its mode has changed: when, in seconds and parts of one, and which file it is; `None` where it is not there.
type FileState = Option<(i64, i64, u64)>;

fn state(files: &TlsFiles) -> [FileState; 2] {
    use std::os::unix::fs::MetadataExt;
    [&files.cert, &files.key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.ctime(), metadata.ctime_nsec(), metadata.ino()))
    })
}

/// What a client says of a certificate. A verifier looks at its time, and whether it is that of a server, before it looks for who vouches for it.
fn verify(chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
    let roots = Arc::new(public_roots());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(roots, provider()).build() else {
        return Ok(());
    };
    let (Some((first, between)), Ok(name)) = (chain.split_first(), ServerName::try_from("localhost")) else {
        return Ok(());
    };
    verifier.verify_server_cert(first, between, &name, &[], UnixTime::now()).map(drop)
}

/// What is to be said of a certificate that can be used, and that clients refuse.
///
/// # Errors
/// It cannot be read.
pub fn warning(files: &TlsFiles) -> Result<Option<String>, TlsError> {
    let refused = verify(&certificates(&files.cert)?).err().map(|error| error.to_string());
    Ok(refused.filter(|error| error.contains(AUTHORITY_OF_A_SERVER)).map(|_| {
        let cert = files.cert.display();
        format!(
            "agents and `ez` will refuse {cert}: it is the certificate of an authority (CA:TRUE), which counts for no server; make one with `openssl req -x509 … -addext basicConstraints=critical,CA:FALSE`"
        )
    }))
}

/// Refuses a certificate that no client would take now. Whatever else a client says is its own matter.
fn check_time(chain: &[CertificateDer<'_>], path: &str) -> Result<(), TlsError> {
    match verify(chain) {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Err(TlsError::Expired(path.to_owned())),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Err(TlsError::NotYet(path.to_owned())),
        _ => Ok(()),
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Whom a client trusts: the certificates of a file, else the authorities that browsers trust.
///
/// # Errors
/// The file cannot be used.
pub fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = public_roots();
    if let Some(ca) = ca {
        let shown = ca.display().to_string();
        roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate).map_err(|error| TlsError::Refused(shown.clone(), error.to_string()))?;
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Refused("TLS".into(), error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What asks a server over HTTP; `ca` as for [`client_config`].
///
/// # Errors
/// The file cannot be used.
pub fn http_agent(ca: Option<&Path>) -> Result<ureq::Agent, TlsError> {
    let mut tls = ureq::tls::TlsConfig::builder();
    if let Some(ca) = ca {
        let trusted = certificates(ca)?;
        let trusted = trusted.iter().map(|der| ureq::tls::Certificate::from_der(der).to_owned());
        tls = tls.root_certs(ureq::tls::RootCerts::Specific(Arc::new(trusted.collect())));
    }
    Ok(agent(tls.build(), SILENCE))
}

fn agent(tls: ureq::tls::TlsConfig, silence: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .timeout_connect(Some(CONNECTING))
        .timeout_per_read(Some(silence))
        .timeout_per_write(Some(silence));
    config.build().into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{TlsError, TlsFiles, acceptor, agent, client_config, in_words, warning};

    struct Place(tempfile::TempDir);

    impl Place {
        fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }

        /// A certificate that counts from one year to another, and its key.
        fn pair(&self, name: &str, years: (i32, i32)) -> TlsFiles {
            self.pair_of(name, years, rcgen::IsCa::NoCa)
        }

        fn pair_of(&self, name: &str, years: (i32, i32), is_ca: rcgen::IsCa) -> TlsFiles {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.is_ca = is_ca;
            params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
            params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            let cert = params.self_signed(&key).unwrap();
            TlsFiles {
                cert: self.file(&format!("{name}.pem"), &cert.pem(), 0o644),
                key: self.file(&format!("{name}.key"), &key.serialize_pem(), 0o600),
            }
        }
    }

    fn refused(files: &TlsFiles) -> String {
        acceptor(files).err().unwrap().to_string()
    }

    #[test]
    fn a_server_that_says_and_takes_nothing_is_given_up() {
        // The system takes the connection and some bytes; nobody reads them.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let agent = agent(ureq::tls::TlsConfig::default(), Duration::from_millis(20));
        let silent = agent.get(&url).call().unwrap_err();
        assert_eq!(in_words(&silent.to_string()), "it has said nothing for a minute");
        let stuck = agent.post(&url).send(vec![0; 64 << 20]).unwrap_err();
        assert_eq!(in_words(&stuck.to_string()), "it has taken nothing for a minute");
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        let place = Place(tempfile::tempdir().unwrap());
        let good = place.pair("good", (2020, 4000));
        assert!(acceptor(&good).is_ok());

        let other = place.pair("other", (2020, 4000));
        let mixed = TlsFiles { key: other.key.clone(), ..good.clone() };
        assert!(refused(&mixed).contains("does not belong to the certificate"), "{}", refused(&mixed));

        assert!(matches!(acceptor(&place.pair("old", (2000, 2001))), Err(TlsError::Expired(_))));
        assert!(matches!(acceptor(&place.pair("new", (3990, 4000))), Err(TlsError::NotYet(_))));

        let swapped = TlsFiles { cert: good.key.clone(), key: good.cert.clone() };
        assert!(refused(&swapped).contains("good.key has no certificate in PEM"), "{}", refused(&swapped));
        let missing = TlsFiles { cert: place.0.path().join("none.pem"), ..good.clone() };
        assert!(refused(&missing).contains("none.pem cannot be read: No such file"));

        let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let locked = TlsFiles { key: place.file("locked.key", text, 0o600), ..good.clone() };
        assert!(refused(&locked).contains("locked.key is encrypted: write it without a password"));

        fs::set_permissions(&good.key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refused(&good).contains("good.key can be read by everybody (mode 644): say `chmod 600"));
    }

    #[test]
    fn a_certificate_that_clients_refuse_is_told_of() {
        let place = Place(tempfile::tempdir().unwrap());
        let authority = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = place.pair_of("own", (2020, 4000), authority);
        assert!(acceptor(&own).is_ok());
        let told = warning(&own).unwrap().unwrap();
        assert!(told.contains("own.pem: it is the certificate of an authority"), "{told}");
        assert_eq!(warning(&place.pair("good", (2020, 4000))).unwrap(), None);
    }

    #[test]
    fn what_is_wrong_with_a_server_is_said_in_words() {
        for (error, words) in [
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "certificate is that of an authority",
            ),
            ("invalid peer certificate: UnknownIssuer", "name who does with --ca FILE"),
            ("connection refused", "connection refused"),
        ] {
            assert!(in_words(error).contains(words), "{error}");
        }
    }

    #[test]
    fn whom_a_client_trusts_is_checked_before_it_connects() {
        let place = Place(tempfile::tempdir().unwrap());
        let good = place.pair("good", (2020, 4000));
        assert!(client_config(Some(&good.cert)).is_ok());
        assert!(client_config(None).is_ok());
        let empty = place.file("empty.pem", "", 0o644);
        assert!(client_config(Some(&empty)).err().unwrap().to_string().contains("has no certificate in PEM"));
    }
}

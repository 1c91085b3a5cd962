//! A network that fails: a proxy between agents and their server that breaks connections in the ways in which networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How many bytes are passed on at once. Small, so that a cut falls within messages.
const PIECE_BYTES: usize = 700;

/// What becomes of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// They arrive.
    Open = 0,
    /// They are lost, and nobody is told: a cable that was pulled.
    Silent = 1,
    /// Those to the server are lost, those to the agent arrive.
    HalfOpen = 2,
}

/// A proxy on a port of its own.
pub struct CuttingProxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: Mutex<SocketAddr>,
    mode: AtomicUsize,
    /// After so many more bytes all connections are cut; `u64::MAX` is never.
    left: AtomicU64,
    connections: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
}

impl CuttingProxy {
    /// Before a server.
    ///
    /// # Panics
    /// No port is free.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            server: Mutex::new(server),
            mode: AtomicUsize::new(Mode::Open as usize),
            left: AtomicU64::new(u64::MAX),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
        });
        let admitting = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                admitting.admit(stream);
            }
        });
        Self { address, state }
    }

    /// Where agents connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often somebody has connected.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Cuts all connections after so many more bytes. New ones work.
    pub fn cut_after(&self, bytes: u64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Loses everything in silence, of old and new connections, until [`Self::heal`].
    pub fn lose_all(&self) {
        self.state.mode.store(Mode::Silent as usize, Ordering::SeqCst);
    }

    /// Loses in silence what goes to the server.
    pub fn lose_to_server(&self) {
        self.state.mode.store(Mode::HalfOpen as usize, Ordering::SeqCst);
    }

    /// The network works again. What was lost stays lost: connections of before are of no use.
    pub fn heal(&self) {
        self.state.mode.store(Mode::Open as usize, Ordering::SeqCst);
    }
}

impl State {
    fn admit(self: &Arc<Self>, agent: TcpStream) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let server = *self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(server) = TcpStream::connect(server) else { return };
        let copies =
            [(&agent, &server), (&server, &agent)].map(|(from, to)| (from.try_clone(), to.try_clone()));
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).extend([agent, server]);
        for (copy, is_to_server) in copies.into_iter().zip([true, false]) {
            let (Ok(from), Ok(to)) = copy else { return };
            let state = Arc::clone(self);
            thread::spawn(move || state.pass_on(from, &to, is_to_server));
        }
    }

    /// Passes bytes on in one direction. A connection that ever lost bytes loses all that come after them, as TCP would.
    fn pass_on(&self, mut from: TcpStream, mut to: &TcpStream, is_to_server: bool) {
        let mut piece = [0; PIECE_BYTES];
        let mut is_lost = false;
        while let Ok(length @ 1..) = from.read(&mut piece) {
            let mode = self.mode.load(Ordering::SeqCst);
            is_lost |= mode == Mode::Silent as usize || mode == Mode::HalfOpen as usize && is_to_server;
            if is_lost {
                continue;
            }
            let bytes = piece.get(..length).unwrap_or_default();
            let passed = self.allowance(length);
            if to.write_all(bytes.get(..passed).unwrap_or_default()).is_err() {
                break;
            }
            if passed < length {
                self.cut();
                return;
            }
        }
        if !is_lost {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// How many of some bytes arrive before the cut.
    fn allowance(&self, length: usize) -> usize {
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
            u64::MAX => None,
            left => Some(left.checked_sub(length as u64).unwrap_or(u64::MAX)),
        });
        match taken {
            Ok(left) if left < length as u64 => left as usize,
            _ => length,
        }
    }

    fn cut(&self) {
        for stream in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // It may have ended before.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.cut();
    }
}

//! The one place with `unsafe`: a child that shares our memory until it becomes its program, as `vfork` gives it.
//!
//! The C library's `posix_spawn` makes the same kind of child, but visits all 64 signals in each of them (121 system
//! calls in glibc 2.36) and maps a stack for each. The kernel clears all handlers at once if asked to
//! (`CLONE_CLEAR_SIGHAND`, Linux 5.5), and our own stack will do, because we stand still meanwhile.
//!
//! What holds, and why it is sound:
//! - The parent's thread is stopped from `clone3` until the child is another program or gone (`CLONE_VFORK`), so
//!   nothing that the child sees changes, and what it leaves below our stack pointer is below it when we go on.
//! - The child has no handler of ours from its first instruction on, so no code of ours runs in it but
//!   [`become_program`], which calls what POSIX allows between `fork` and `exec`, allocates nothing and cannot panic.
//! - Its descriptors, directory, signals and mask are copies: what it changes there is its own.

use std::arch::asm;
use std::ffi::{CString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitOptions, waitpid};

use super::spawn::{Descriptors, Spawned};
use super::{Group, Program};

/// `CLONE_CLEAR_SIGHAND` of `linux/sched.h`; does not fit the type that `libc` gives it.
const CLEAR_SIGNAL_HANDLERS: u64 = 1 << 32;

/// Strings that end with a zero, one behind the other, as `execve` takes them.
#[derive(Debug, Default)]
struct Strings {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Strings {
    /// Adds one that is made of these parts.
    ///
    /// # Errors
    /// A part has a zero in it.
    fn push(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.starts.push(self.bytes.len());
        for part in parts {
            if part.contains(&0) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "nul byte found in provided data"));
            }
            self.bytes.extend_from_slice(part);
        }
        self.bytes.push(0);
        Ok(())
    }

    /// Where they are, and a null behind the last; while they live and nothing is added.
    fn pointers(&self) -> Vec<*const c_char> {
        let strings = self.starts.iter().map(|&start| self.bytes[start..].as_ptr().cast());
        strings.chain([std::ptr::null()]).collect()
    }
}

/// What the child reads, in our memory.
struct Plan {
    file: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    directory: *const c_char,
    descriptors: [c_int; 3],
    own_group: bool,
    signals: libc::sigset_t,
    /// Why it became nothing: what `errno` was.
    error: AtomicI32,
}

/// Begins a child. `None` where the system has no such call: an older kernel, or a container that keeps it from us.
///
/// # Errors
/// What kept the child from becoming its program, or the system from making one.
pub(super) fn spawn(program: &Program, descriptors: &Descriptors) -> io::Result<Option<Spawned>> {
    static IS_MISSING: AtomicBool = AtomicBool::new(false);
    // One of the three would be overwritten before it is read.
    let is_low = |end: &OwnedFd| end.as_raw_fd() <= rustix::stdio::raw_stderr();
    if IS_MISSING.load(Ordering::Relaxed) || descriptors.iter().flatten().any(is_low) {
        return Ok(None);
    }
    let file = CString::new(program.file.as_os_str().as_bytes())?;
    let directory = CString::new(program.directory.as_os_str().as_bytes())?;
    let (mut arguments, mut environment) = (Strings::default(), Strings::default());
    for argument in &program.arguments {
        arguments.push(&[argument.as_bytes()])?;
    }
    for (name, value) in program.environment.iter() {
        environment.push(&[name.as_bytes(), b"=", value.as_bytes()])?;
    }
    let (argument_list, environment_list) = (arguments.pointers(), environment.pointers());
    let plan = Plan {
        file: file.as_ptr(),
        arguments: argument_list.as_ptr(),
        environment: environment_list.as_ptr(),
        directory: directory.as_ptr(),
        descriptors: descriptors.each_ref().map(|end| end.as_ref().map_or(-1, AsRawFd::as_raw_fd)),
        own_group: program.group == Group::Own,
        signals: no_signals(),
        error: AtomicI32::new(0),
    };
    // SAFETY: all strings and lists that the plan points to are variables of this function.
    let spawned = unsafe { begin(&plan) };
    let is_missing =
        |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL | libc::EPERM));
    match spawned {
        Err(error) if is_missing(&error) => {
            IS_MISSING.store(true, Ordering::Relaxed);
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(spawned) => match plan.error.load(Ordering::Relaxed) {
            0 => Ok(Some(spawned)),
            error => {
                let _ = retry_on_intr(|| waitpid(Some(spawned.pid), WaitOptions::empty()));
                Err(io::Error::from_raw_os_error(error))
            }
        },
    }
}

fn no_signals() -> libc::sigset_t {
    let mut signals = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` fills all of it, and only fails for a null pointer.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        signals.assume_init()
    }
}

/// `clone3`, from which the child never returns. In the parent, it is over as soon as the child is its program or gone.
///
/// # Safety
/// The plan's pointers lead to strings that end with a zero, and to lists of them that end with a null.
unsafe fn begin(plan: &Plan) -> io::Result<Spawned> {
    let mut end: c_int = -1;
    // `struct clone_args` of the first version: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
    let flags = (libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD) as u64 | CLEAR_SIGNAL_HANDLERS;
    let arguments: [u64; 8] = [flags, &raw mut end as u64, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    let answer: isize;
    // SAFETY: to us this is one system call that changes what is declared, and `end`, to which a pointer went out. The
    // child has our registers and a stack pointer that is aligned for a call, since `nostack` is not said; it
    // calls a function that never returns.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, rdx",
            "call {child}",
            "ud2",
            "2:",
            child = sym become_program,
            inlateout("rax") libc::SYS_clone3 as isize => answer,
            in("rdi") arguments.as_ptr(),
            in("rsi") size_of_val(&arguments),
            in("rdx") std::ptr::from_ref(plan),
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    let answer = answer as c_int;
    let pid = Pid::from_raw(answer.max(0)).ok_or_else(|| io::Error::from_raw_os_error(-answer))?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let end = unsafe { OwnedFd::from_raw_fd(end) };
    Ok(Spawned { pid, end: Some(end) })
}

/// All that a child does before it is another program.
///
/// # Safety
/// Only to be called in the child of [`begin`].
unsafe extern "C" fn become_program(plan: *const Plan) -> ! {
    // SAFETY: the parent stands still and keeps the plan; all functions are safe to call after `fork`.
    unsafe {
        let plan = &*plan;
        if prepare(plan) {
            libc::execve(plan.file, plan.arguments, plan.environment);
        }
        plan.error.store(*libc::__errno_location(), Ordering::Relaxed);
        libc::_exit(127)
    }
}

/// Group, descriptors, directory and signals; whether all could be set.
///
/// # Safety
/// As for [`become_program`].
unsafe fn prepare(plan: &Plan) -> bool {
    // SAFETY: see above.
    unsafe {
        if plan.own_group && libc::setpgid(0, 0) != 0 {
            return false;
        }
        for (from, to) in plan.descriptors.iter().zip(0..) {
            if *from >= 0 && libc::dup2(*from, to) < 0 {
                return false;
            }
        }
        // Programs of Rust ignore it from their beginning on, which other programs do not expect.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const plan.signals, std::ptr::null_mut());
        libc::chdir(plan.directory) == 0
    }
}

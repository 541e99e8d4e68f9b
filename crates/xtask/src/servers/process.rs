//! A server's processes: started, signalled and ended together.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::folder::Folder;
use super::user::User;

/// How long a server may take to start or to stop, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a thing that takes its time is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Why there are no private servers where processes cannot be found by their folder.
pub(super) const NOT_FOUND: &str = "there is no /proc here, by which they could be ended";

/// Whether the processes of a server can be found.
pub(super) fn can_be_found() -> bool {
    Path::new("/proc/self/cwd").exists()
}

/// A server in a folder of its own, running or not. When it is dropped nothing is left of it.
#[derive(Debug)]
pub(super) struct Process {
    folder: Folder,
    user: Option<User>,
    child: Option<Child>,
}

impl Process {
    pub(super) fn new(name: &str, user: Option<User>) -> io::Result<Self> {
        if !can_be_found() {
            return Err(io::Error::other(NOT_FOUND));
        }
        Ok(Self {
            folder: Folder::create(name, user)?,
            user,
            child: None,
        })
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn user(&self) -> Option<User> {
        self.user
    }

    /// Throws away what the server has kept, which must not be running.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.folder.clear(self.user)
    }

    /// A command as the server's user, in its folder, without our environment.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.data())
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")])
            .stdin(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Starts it and waits until it says `ready` in its log.
    pub(super) fn start(&mut self, mut command: Command, ready: &str) -> io::Result<()> {
        if let Some(child) = &mut self.child
            && child.try_wait()?.is_none()
        {
            return Err(io::Error::other("the server runs already"));
        }
        let path = self.folder.path().join("log");
        let log = File::create(&path)?;
        command.stdout(log.try_clone()?).stderr(log);
        // Out of reach of the Ctrl-C that ends the tests: the warden ends it in good order.
        command.process_group(0);
        let child = self.child.insert(command.spawn()?);
        let end = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(&path)?;
            if said.contains(ready) {
                return Ok(());
            }
            let failure = match child.try_wait()? {
                Some(status) => format!("ended with {status}"),
                None if Instant::now() > end => format!("is not ready after {PATIENCE:?}"),
                None => {
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            self.kill()?;
            return Err(io::Error::other(format!("the server {failure}: {said}")));
        }
    }

    /// Asks the first process to end in good order, and waits until all have.
    pub(super) fn stop(&mut self, signal: Signal) -> io::Result<()> {
        if let Some(child) = &mut self.child {
            // One that is frozen would not hear it.
            send(&self.folder.processes()?, Signal::CONT);
            send(&[child.id().cast_signed()], signal);
            let end = Instant::now() + PATIENCE;
            while child.try_wait()?.is_none() {
                if Instant::now() > end {
                    self.kill()?;
                    return Err(io::Error::other(format!(
                        "the server has not stopped after {PATIENCE:?}, and was killed"
                    )));
                }
                thread::sleep(PAUSE);
            }
        }
        // The others, if the first has left any.
        self.kill()
    }

    /// Ends all processes at once, without a word to them.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        // Whatever is frozen starts no more children.
        self.freeze()?;
        let mut killed = Vec::new();
        loop {
            let processes = self.folder.processes()?;
            send(&processes, Signal::KILL);
            killed.extend_from_slice(&processes);
            // Who is not waited for stays as a zombie, but works in no folder any more.
            if let Some(mut child) = self.child.take() {
                child.kill()?;
                child.wait()?;
            }
            if processes.is_empty() && !killed.iter().any(|process| is_ending(*process)) {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Stops all processes from running. Their sockets stay open, and nobody answers.
    pub(super) fn freeze(&self) -> io::Result<()> {
        let mut frozen = Vec::new();
        loop {
            let processes = self.folder.processes()?;
            // A process may have started another one before it was frozen.
            if processes.iter().all(|process| frozen.contains(process)) {
                return Ok(());
            }
            send(&processes, Signal::STOP);
            frozen = processes;
        }
    }

    /// Lets them run again.
    pub(super) fn thaw(&self) -> io::Result<()> {
        send(&self.folder.processes()?, Signal::CONT);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The warden would do it as well, but leave a zombie to us.
        let _ = self.kill();
    }
}

/// Whether a process has left its folder and is not quite gone: the kernel takes the folder away
/// before it says that the process has ended.
fn is_ending(process: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    // The state follows the name, which is in brackets and may hold any others.
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    let has_ended = matches!(state, None | Some('Z' | 'X'));
    // Another one that has been given the number since has a folder.
    let folder = fs::read_link(format!("/proc/{process}/cwd"));
    let has_left = folder.is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    !has_ended && has_left
}

fn send(processes: &[i32], signal: Signal) {
    for process in processes.iter().copied().filter_map(Pid::from_raw) {
        // One that has ended meanwhile needs no signal.
        let _ = kill_process(process, signal);
    }
}

/// A port of the loopback address that nobody listens on.
///
/// It lies below those that the system gives to outgoing connections, so that nobody takes it
/// while a server that had it is down. Somebody else may be given the same before it is used.
///
/// # Errors
///
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    const PORTS: std::ops::Range<u16> = 12_000..32_000;
    for _ in 0..100 {
        let random = u16::from_ne_bytes(random()?);
        let port = PORTS.start + random % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("found no free port"))
}

/// Calls `start` with one free port after another, since somebody may be faster to take it.
pub(super) fn on_free_port<T>(mut start: impl FnMut(u16) -> io::Result<T>) -> io::Result<T> {
    let mut tries = 0;
    loop {
        let port = free_port()?;
        tries += 1;
        match start(port) {
            // Still free: that was not the reason.
            Err(error) if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() || tries == 5 => {
                return Err(error);
            }
            Err(_) => {}
            Ok(started) => return Ok(started),
        }
    }
}

/// Something that nobody else can guess.
pub(super) fn password() -> io::Result<String> {
    Ok(format!("{:032x}", u128::from_ne_bytes(random()?)))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes)
}
